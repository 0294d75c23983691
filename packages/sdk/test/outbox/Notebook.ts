/**
 * The smallest machine that shows order: a notebook per key, to which inputs append words. It refuses "refused", breaks on
 * "defect", and its store breaks a database constraint on "constraint".
 */
import { type Decided, GroupCommit, Machine, MachineStore } from "@destiny/sdk/machine";
import { Message, Topic } from "@destiny/sdk/message";
import { Consumer, Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { Bulk, Migrations } from "@destiny/sdk/sql";
import { Database } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";

export interface Append {
  readonly key: string;
  readonly word: string;
}

export const topic = Topic.make("notebook.events", { owner: "notebook", partitions: 2 });

export const Appended = Message.event("notebook.appended.v1", {
  topic,
  payload: Schema.Struct({ key: Schema.String, word: Schema.String }),
  key: ({ key }) => key,
});

type Words = ReadonlyArray<string>;

export const machine: Machine.Machine<string, Words, Append, string, string> = {
  name: "notebook",
  keys: ({ key }) => [key],
  decide: (view, { input }) => {
    if (input.word === "defect") throw new Error("the machine broke");
    if (input.word === "refused") return Machine.reject("refused");
    const words = [...(view.get(input.key) ?? []), input.word];
    return Machine.accept([[input.key, words]], [`${input.key}:${words.length}`]);
  },
};

const table = {
  name: "notebook",
  columns: { key: "text", version: "int4", words: "jsonb" },
  key: ["key"],
} as const satisfies Bulk.Table<{ key: string; version: number; words: Words }>;

type Store = MachineStore.MachineStore<string, Words, Append, string, string>;

export const memoryStore = (): Store => MachineStore.makeMemory();

export const store = (sql: SqlClient.SqlClient): Store => ({
  load: (keys) =>
    Effect.map(
      sql<{ readonly key: string; readonly version: number; readonly words: Words }>`
        SELECT key, version, words FROM notebook WHERE key = ${Bulk.any(sql, "text", keys)}
        ORDER BY key FOR NO KEY UPDATE`,
      (rows) => new Map(rows.map((row) => [row.key, { version: row.version, state: row.words }])),
    ),
  write: ({ changes }) =>
    MachineStore.stateWrites(
      sql,
      table,
      MachineStore.changedRows(changes, ({ state, version }, key) => ({ key, version, words: state })),
    ),
  guard: (versions) => [MachineStore.stateGuard(sql, table, versions)],
});

export const migrations: Migrations.Migrations = {
  room: "notebook",
  steps: {
    "0001_notebook": Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* sql`CREATE TABLE notebook (key text PRIMARY KEY, version int NOT NULL,
        words jsonb NOT NULL CHECK (NOT words ? 'constraint'))`;
    }),
  },
};

export const migrate = Effect.andThen(Migrations.run([Tables.migrations, migrations]), Tables.ensurePartitions);

export const emit = ({ input, verdict }: Decided<string, Append, string, string>) =>
  verdict._tag === "Accepted" ? [Message.draft(Appended, input.input, { orderedBy: input.input.key })] : [];

/** A group commit of notebooks that differs from the usual one in what is given. */
export const makeWith = Effect.fnUntraced(function* (
  changes: Partial<GroupCommit.Options<string, Words, Append, string, string>>,
) {
  return yield* GroupCommit.make({
    machine,
    store: store(yield* SqlClient.SqlClient),
    output: Schema.String,
    rejection: Schema.String,
    ...changes,
  });
});

export const make = makeWith({ emit });

export const decode = Consumer.decoder<Append>([Consumer.on(Appended, (payload) => payload)]);

export const words = (key: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const rows = yield* sql<{ readonly words: Words }>`SELECT words FROM notebook WHERE key = ${key}`;
    return rows[0]?.words ?? [];
  });

/** What stands on a database that has its tables. */
export const standing = Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/notebook" })).pipe(
  Layer.provideMerge(Database.Database.layer),
);

/** Everything that a service's database has, on top of a `SqlClient`. */
export const layer = standing.pipe(Layer.provideMerge(Layer.effectDiscard(migrate)));
