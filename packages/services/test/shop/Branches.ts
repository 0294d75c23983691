/**
 * Every branch of the shop's sagas, enumerated from their definitions and the transition table, and those that a run took,
 * read from its journals.
 */
import { Saga, SagaJournal, SagaMachine, SagaRegistry, SagaStore, type SagaState, SagaTable } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import type * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import * as Definitions from "../../src/saga/Definitions.ts";
import { Shop } from "./Shop.ts";

export interface Branch {
  readonly saga: string;
  /** null in the last word of the failure path. */
  readonly step: string | null;
  readonly situation: SagaState.Situation;
  readonly kind: SagaTable.Kind;
  /** Which of several answers, by its tag. */
  readonly variant: string;
}

export const nameOf = ({ kind, saga, situation, step, variant }: Branch): string =>
  [saga, step ?? "last word", situation, kind, variant].filter((part) => part !== "").join(" | ");

const definitions = Definitions.all({ paymentMillis: 6000, holdMillis: 20_000 });
const options: SagaMachine.Options = { registry: SagaRegistry.make(definitions), replyTo: "saga.replies" };

type Step = Saga.AnyDefinition["steps"][number];
type Command = NonNullable<Saga.AnyDefinition["closing"]>["ask"]["command"];

/** The tags of a schema's members; one without a name when it has no members, none when nothing fits it. */
const variantsOf = ({ ast }: Schema.Top): ReadonlyArray<string> => {
  if (ast._tag === "Never") return [];
  if (ast._tag !== "Union") return [""];
  return ast.types.map((member) => {
    const tag = member._tag === "Objects" ? member.propertySignatures.find(({ name }) => name === "_tag") : undefined;
    return tag?.type._tag === "Literal" ? String(tag.type.literal) : "";
  });
};

/** Where a saga can stand at a step, and what it asks there. */
const standings = (step: Step): ReadonlyArray<readonly [SagaState.Situation, Command | undefined]> => {
  switch (step.kind) {
    case "check":
      return [["running.before", step.ask.command]];
    case "compensable":
      return [
        ["running.before", step.ask.command],
        ["compensating.undoing", step.undo?.command],
        ["stuck.undoing", step.undo?.command],
      ];
    case "pivot":
      return [
        ["awaiting", undefined],
        ["closing.asked", step.close.command],
        ["closing.pending", undefined],
        ["stuck.closing", step.close.command],
      ];
    case "retriable":
      return [
        ["running.after", step.ask.command],
        ["stuck.after", step.ask.command],
      ];
    case "tell":
      return [];
  }
};

const branchesAt = (
  saga: string,
  step: string | null,
  situation: SagaState.Situation,
  command: Command | undefined,
): ReadonlyArray<Branch> =>
  SagaTable.table
    .filter((row) => row.situation === situation)
    .flatMap(({ kind }) => {
      const variants =
        kind === "Done" && command !== undefined
          ? variantsOf(command.success)
          : kind === "Refused" && command !== undefined
            ? variantsOf(command.refusal)
            : [""];
      return variants.map((variant) => ({ saga, step, situation, kind, variant }));
    });

export const every: ReadonlyArray<Branch> = definitions.flatMap(({ closing, name, steps }) => [
  ...steps.flatMap((step) =>
    standings(step).flatMap(([situation, command]) => branchesAt(name, step.name, situation, command)),
  ),
  ...(["compensating.failing", "stuck.failing"] as const).flatMap((situation) =>
    branchesAt(name, null, situation, closing?.ask.command),
  ),
  ...(["completed", "compensated"] as const).flatMap((situation) => branchesAt(name, null, situation, undefined)),
]);

const variantOf = (input: SagaState.SagaInput, kind: SagaTable.Kind): string => {
  if (input._tag !== "Reply" || (kind !== "Done" && kind !== "Refused")) return "";
  const { reason, value } = input.reply as { readonly value?: unknown; readonly reason?: unknown };
  const said = kind === "Done" ? value : reason;
  return typeof said === "object" && said !== null && "_tag" in said ? String(said._tag) : "";
};

/** Decides a journal again, and says where the saga stood at each input. */
const walked = (entries: ReadonlyArray<SagaJournal.JournalEntry>): ReadonlyArray<Branch> => {
  const machine = SagaMachine.make(options);
  let state: SagaState.SagaState | undefined;
  return entries.flatMap(({ at, input, inputId, version }) => {
    const identified = { id: inputId, at, input };
    const before = state;
    const kind = SagaMachine.kindOf(options.registry, before, identified);
    state = machine.decide({ get: () => before, version: () => version - 1 }, identified).changes.get(input.sagaId);
    if (before === undefined) return [];
    const { definition: saga, situation, step } = before;
    return [{ saga, step, situation, kind, variant: variantOf(input, kind) }];
  });
};

/** Every saga of the shop, with the branches that it took. */
export const taken = Effect.gen(function* () {
  const { database } = yield* Shop;
  const store = yield* SagaStore.SagaStore.pipe(
    Effect.provide(SagaStore.SagaStore.layer),
    Effect.provideService(SqlClient.SqlClient, database("saga")),
  );
  const rows = yield* store.list({ limit: 10_000 });
  const journals = yield* store.journals(rows.map(({ id }) => id));
  return rows.map((row) => ({ ...row, branches: walked(journals.get(row.id) ?? []) }));
}).pipe(Effect.orDie);
