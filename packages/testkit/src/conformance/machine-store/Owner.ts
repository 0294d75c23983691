/** One owner of the states: a group commit over an instance, and what it did. */
import { Database, Errors, GroupCommit, type Machine, type MachineStore } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import { Outbox } from "@destiny/sdk/outbox";
import { assert } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { place, stamped, type StoreOf, type Subject, type Types } from "./Subject.ts";

/** An answer in a form that can be compared. */
export type Answer =
  | { readonly _tag: "Accepted"; readonly outputs: ReadonlyArray<unknown> }
  | { readonly _tag: "Rejected"; readonly rejection: unknown }
  | { readonly _tag: "Poisoned" };

export const accepted = <T extends Types, R>(subject: Subject<T, R>, outputs: ReadonlyArray<T["output"]>): Answer => ({
  _tag: "Accepted",
  outputs: outputs.map((output) => Message.encode(subject.output, output)),
});

export const rejected = <T extends Types, R>(subject: Subject<T, R>, rejection: T["rejection"]): Answer => ({
  _tag: "Rejected",
  rejection: Message.encode(subject.rejection, rejection),
});

type Applied<T extends Types> = MachineStore.Applied<T["key"], T["state"], T["input"], T["output"], T["rejection"]>;

export interface Disturbed<T extends Types> {
  readonly database?: (database: Database.Database["Service"]) => Database.Database["Service"];
  readonly store?: (store: StoreOf<T>) => StoreOf<T>;
}

/** The suite's own message: one for every version of every state. */
const type = "suite.changed.v1";
interface Changed {
  readonly key: string;
  readonly version: number;
}

export const own = Effect.fnUntraced(function* <T extends Types, R>(
  subject: Subject<T, R>,
  disturbed: Disturbed<T> = {},
) {
  const { services, store } = yield* subject.instance;
  const database = Context.get(services, Database.Database);
  const outbox = Context.get(services, Outbox.Outbox);
  /** The committed decision about each input: a later one means that the one before it was rolled back. */
  const decisions = new Map<string, Applied<T>>();
  const recorded: StoreOf<T> = {
    ...store,
    write: (group) => {
      for (const applied of group.applied) decisions.set(applied.input.id, applied);
      return store.write(group);
    },
  };
  const commit = yield* GroupCommit.make<T["key"], T["state"], T["input"], T["output"], T["rejection"]>({
    machine: subject.machine,
    store: disturbed.store?.(recorded) ?? recorded,
    consumer: "suite",
    output: subject.output,
    rejection: subject.rejection,
    emit: ({ verdict, version }) =>
      [...verdict.changes.keys()].map((key): Envelope.Draft => ({
        type,
        topic: "suite",
        key,
        data: { key, version: version(key) } satisfies Changed,
        orderedBy: key,
      })),
  }).pipe(
    Effect.provideService(Database.Database, disturbed.database?.(database) ?? database),
    Effect.provide(services),
  );

  const submit = (input: Machine.Identified<T["input"]>): Effect.Effect<Answer> =>
    Effect.match(commit.submit(input), {
      onSuccess: (outputs) => accepted(subject, outputs),
      onFailure: (error): Answer => {
        if (!(error instanceof Errors.GroupCommitError)) return rejected(subject, error);
        assert.strictEqual(error.reason._tag, "Poisoned", String(error));
        decisions.delete(input.id);
        return { _tag: "Poisoned" };
      },
    });

  /** Submits what has to be accepted. */
  const accept = Effect.fnUntraced(function* (input: T["input"]) {
    const answer = yield* submit(stamped(input));
    assert.strictEqual(answer._tag, "Accepted", JSON.stringify(answer));
    return answer;
  });

  return {
    commit,
    store,
    database,
    decisions,
    submit,
    accept,
    /** Makes the state that is called `name`, and answers its key. */
    create: Effect.fnUntraced(function* (name: string) {
      for (const input of subject.creates(name)) yield* accept(input);
      return keyOf(subject, name);
    }),
    /** Version and state of each key that has one; what else a store may know of it is its own affair. */
    load: (keys: ReadonlyArray<T["key"]>) =>
      Effect.map(
        database.transact(store.load([...keys].sort())),
        (found): ReadonlyMap<T["key"], Machine.Versioned<T["state"]>> =>
          new Map([...found].map(([key, { state, version }]) => [key, { version, state }])),
      ),
    /** The versions that were told to others, in the order of the outbox. */
    told: (keys: ReadonlyArray<T["key"]>) =>
      Effect.map(outbox.waiting({ limit: 100_000, except: [], blocked: [] }), (rows) =>
        rows
          .map(({ envelope }) => envelope)
          .filter((envelope) => envelope.type === type && keys.includes(envelope.key))
          .map(({ data, sequence }) => ({ ...(data as Changed), sequence })),
      ),
  };
});

export type Owner<T extends Types, R> = Effect.Success<ReturnType<typeof own<T, R>>>;

/** The one key that the inputs of `creates` name. */
export const keyOf = <T extends Types, R>(subject: Subject<T, R>, name: string): T["key"] => {
  const [key, ...others] = new Set(subject.creates(name).flatMap((input) => [...subject.machine.keys(input)]));
  assert.isTrue(key !== undefined && others.length === 0, "`creates` names one key");
  return key as T["key"];
};

/** As many names as are wanted, of one history. */
export const names = (run: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => place(run).name(`${index}`));
