/** `destiny saga …`: what runs, what hangs and why, and the three ways out. */
import { Ids } from "@destiny/sdk/message";
import { IdempotencyKey } from "@destiny/sdk/http";
import { type SagaAction, type SagaHistory, SagaStatus, type SagaSummary } from "@destiny/services/contracts";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import * as Operator from "./Operator.ts";
import { moment, table } from "./table.ts";

type History = typeof SagaHistory.Type;

export interface ListOptions {
  readonly status?: string | undefined;
  /** What the saga is about: an order. */
  readonly key?: string | undefined;
  readonly limit: number;
}

export interface SagaPage {
  readonly items: ReadonlyArray<SagaSummary>;
  /** Whether there are others behind these. */
  readonly more: boolean;
}

const isStatus = Schema.is(SagaStatus);

const statusOf = (input: string): Effect.Effect<SagaSummary["status"], CliError> =>
  isStatus(input)
    ? Effect.succeed(input)
    : Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_STATUS",
          message: `no saga is ever "${input}"`,
          next: choices(input, SagaStatus.literals, "statuses"),
        }),
      );

const maxPage = 100;
/** Sagas of one order: placing and cancelling it, with room for definitions to come. */
const maxSagasOfKey = 20;

/** Newest first, page after page up to the limit. */
export const list = Effect.fnUntraced(function* (
  instance: Instance,
  { key, limit, status }: ListOptions,
): Effect.fn.Return<SagaPage, CliError> {
  const query = { ...(status && { status: yield* statusOf(status) }), ...(key && { key }) };
  const { list: page } = yield* Operator.orchestrator(instance);
  const items: Array<SagaSummary> = [];
  for (let cursor = {}; ;) {
    const asked = Math.min(maxPage, limit - items.length);
    const { items: found, nextCursor } = yield* page({ ...query, ...cursor, limit: asked });
    items.push(...found);
    if (nextCursor === null || items.length >= limit) return { items, more: nextCursor !== null };
    cursor = { cursor: nextCursor };
  }
});

const split = (id: string) => {
  const [definition = "", ...key] = id.split("/");
  return { definition, key: key.join("/") };
};

/** The id as `list` shows it, or the order when it has one saga only. */
const find = Effect.fnUntraced(function* (instance: Instance, name: string) {
  if (name.includes("/")) return split(name);
  const { items } = yield* list(instance, { key: name, limit: maxSagasOfKey });
  const [only, ...others] = items;
  if (only === undefined || others.length > 0) {
    return yield* Effect.fail(
      new CliError({
        exit: "usage",
        code: only === undefined ? "NO_SAGA" : "SEVERAL_SAGAS",
        message: only === undefined ? `no saga is about "${name}"` : `${items.length} sagas are about ${name}`,
        next:
          only === undefined
            ? [`destiny saga list --instance ${instance.name}`]
            : [`name one of them: ${items.map(({ id }) => id).join(", ")}`],
      }),
    );
  }
  return split(only.id);
});

export const show = Effect.fnUntraced(function* (instance: Instance, name: string) {
  const orchestrator = yield* Operator.orchestrator(instance);
  return yield* orchestrator.show(yield* find(instance, name));
});

export const operate = Effect.fnUntraced(function* (
  instance: Instance,
  name: string,
  action: SagaAction,
  note: string,
) {
  const params = { ...(yield* find(instance, name)), action };
  const orchestrator = yield* Operator.orchestrator(instance);
  // One key a command: whoever gives it twice means it twice.
  const key = yield* Effect.orDie(Schema.decodeEffect(IdempotencyKey.Header)(yield* Ids.fresh));
  return yield* orchestrator.operate({ params, headers: { "idempotency-key": key }, payload: { note } });
});

const why = ({ failure, stuck }: SagaSummary): string =>
  stuck?.reason ?? (failure === null ? "" : failure.cancelled ? "cancelled" : `${failure.step}: ${failure.reason}`);

export const renderList = ({ items, more }: SagaPage): string => {
  if (items.length === 0) return "no sagas";
  const rows = items.map((saga) => [saga.id, saga.status, saga.step ?? "-", moment(saga.startedAt), why(saga)]);
  return [table(["SAGA", "STATUS", "STEP", "SINCE", "WHY"], rows), ...(more ? ["…more: --limit"] : [])].join("\n");
};

export const renderHistory = (saga: History): string => {
  const head = [
    `${saga.id} (version ${saga.definitionVersion}): ${saga.status}${saga.step === null ? "" : ` at ${saga.step}`}`,
    ...(saga.stuck === null ? [] : [`stuck since ${moment(saga.stuck.since)}: ${saga.stuck.reason}`]),
    ...(saga.failure === null ? [] : [`fails because of ${why({ ...saga, stuck: null })}`]),
    ...(saga.nextWakeAt === null ? [] : [`looks again at ${moment(saga.nextWakeAt)}`]),
  ];
  const steps = table(
    ["STEP", "STATE", "ENTERED", "MS"],
    saga.steps.map((step) => [step.name, step.state, moment(step.enteredAt), step.durationMillis ?? "-"]),
  );
  const journal = table(
    ["#", "AT", "WHAT", "SENT", "BY"],
    saga.journal.map(({ at, by, emitted, kind, version }) => [
      version,
      moment(at),
      kind,
      emitted.length,
      by === null ? "" : `${by.actor}: ${by.note}`,
    ]),
  );
  return [...head, "", steps, "", journal].join("\n");
};
