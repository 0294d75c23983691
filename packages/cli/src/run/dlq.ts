/** `destiny dlq …`: messages that a service could not apply, over all services. */
import type { DeadLetter, DeadLetterOutcome, DeadLetterStatus } from "@destiny/services/contracts";
import * as Effect from "effect/Effect";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import * as Operator from "./Operator.ts";
import { moment, oneLine, table } from "./table.ts";

type Letter = typeof DeadLetter.Type;

export interface Letters {
  readonly items: ReadonlyArray<Letter & { readonly service: string }>;
  /** Services that did not answer: what they hold is not known. */
  readonly unreachable: ReadonlyArray<string>;
}

/** The desk of the service of that name. */
const desk = (instance: Instance, service: string) =>
  Operator.desks.includes(service)
    ? Operator.desk(instance, service)
    : Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_SERVICE",
          message: `no service "${service}" keeps dead letters`,
          next: choices(service, Operator.desks, "services"),
        }),
      );

/** Of one service, or of all: then one that is down hides nothing of the others. */
export const list = Effect.fnUntraced(function* (
  instance: Instance,
  service: string | undefined,
  status: typeof DeadLetterStatus.Type,
): Effect.fn.Return<Letters, CliError> {
  const of = (name: string) =>
    Effect.map(
      Effect.flatMap(desk(instance, name), (one) => one.list(status)),
      ({ items }) => items.map((item) => ({ service: name, ...item })),
    );
  if (service !== undefined) return { items: yield* of(service), unreachable: [] };
  const answers = yield* Effect.forEach(
    Operator.desks,
    (name) =>
      of(name).pipe(
        Effect.map((items): Letters => ({ items, unreachable: [] })),
        Effect.catchIf(
          ({ exit }) => exit === "unhealthy",
          () => Effect.succeed<Letters>({ items: [], unreachable: [name] }),
        ),
      ),
    { concurrency: "unbounded" },
  );
  return {
    items: answers.flatMap(({ items }) => items),
    unreachable: answers.flatMap(({ unreachable }) => unreachable),
  };
});

/** With what it says. */
export const show = (instance: Instance, service: string, id: string) =>
  Effect.flatMap(desk(instance, service), (found) => found.show(id));

/** Applies what its key has waiting, in order, up to the first that fails again. */
export const retry = (instance: Instance, service: string, id: string) =>
  Effect.flatMap(desk(instance, service), (found) => found.retry(id));

/** Gives it up for good, and lets those behind it go on. */
export const drop = (instance: Instance, service: string, id: string) =>
  Effect.flatMap(desk(instance, service), (found) => found.drop(id));

const maxReasonLength = 80;

const reasonOf = ({ reason, status }: Letter): string => {
  if (reason === null) return status === "parked" ? "waits behind one of its key" : "";
  const line = oneLine(reason);
  return line.length > maxReasonLength ? `${line.slice(0, maxReasonLength - 1)}…` : line;
};

export const renderList = ({ items, unreachable }: Letters): string =>
  [
    items.length === 0
      ? "no dead letters"
      : table(
          ["SERVICE", "ID", "TYPE", "KEY", "STATUS", "TRIES", "SINCE", "REASON"],
          items.map((letter) => [
            letter.service,
            letter.id,
            letter.type,
            letter.key,
            letter.status,
            letter.attempts,
            moment(letter.since),
            reasonOf(letter),
          ]),
        ),
    ...unreachable.map((service) => `${service} does not answer: what it holds is not known`),
  ].join("\n");

export const renderLetter = ({ data, ...letter }: Letter & { readonly data: unknown }): string =>
  [
    `${letter.type} ${letter.id} of ${letter.topic}, key ${letter.key}`,
    `${letter.status} since ${moment(letter.since)} after ${letter.attempts} tries`,
    letter.reason ?? reasonOf(letter),
    JSON.stringify(data, undefined, 2),
  ]
    .filter((line) => line !== "")
    .join("\n");

export const renderOutcome = ({ applied, reason, waiting }: typeof DeadLetterOutcome.Type): string =>
  `${applied} applied, ${waiting} waiting${reason === null ? "" : `: ${oneLine(reason)}`}`;
