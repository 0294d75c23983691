/**
 * Messages leave with the commit that caused them, or not at all.
 *
 * Guarantee: a message is published if and only if its transaction committed; messages of one key are published in commit
 * order. Business code never sends: it adds to the outbox, and the relay is the only sender. `position` (an identity with
 * CACHE 1, taken after the state rows are locked) is the order; ids are not.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { Database } from "../machine/Database.ts";
import * as MachineStore from "../machine/MachineStore.ts";
import { type Outgoing, OutputLog } from "../machine/Ports.ts";
import type { Draft, Envelope } from "../message/Envelope.ts";
import { Ids } from "../message/Ids.ts";
import * as Bulk from "../sql/Bulk.ts";
import { dayOfId } from "./Inbox.ts";

/** Beyond this many rows that no relay of this process fetches (another one leads), they are left to the table. */
const maxHandedRows = 4096;

/** A message that waits to be sent. */
export interface Row {
  readonly position: bigint;
  readonly envelope: Envelope;
}

export class Outbox extends Context.Service<
  Outbox,
  {
    /** Adds messages inside the caller's transaction. A defect outside of one: the message could outlive a rollback. */
    readonly add: (drafts: ReadonlyArray<Draft>) => Effect.Effect<void, SqlError>;
    /** The oldest waiting messages in position order, without those in `except` and those of the `blocked` topics. */
    readonly waiting: (options: {
      readonly limit: number;
      readonly except: ReadonlyArray<bigint>;
      readonly blocked: ReadonlyArray<string>;
    }) => Effect.Effect<ReadonlyArray<Row>, SqlError>;
    /** Moves sent messages from the queue to the evidence. */
    readonly sent: (rows: ReadonlyArray<Row>) => Effect.Effect<void, SqlError>;
    /** How many messages wait. */
    readonly size: Effect.Effect<number, SqlError>;
    /**
     * What this process committed since it was last asked, in order of commit, so that the relay need not read it back.
     * Undefined when it was not kept: then only `waiting` knows.
     */
    readonly handed: () => ReadonlyArray<Row> | undefined;
    /** Open while the relay has something to look at. */
    readonly awake: Latch.Latch;
  }
>()("@destiny/sdk/outbox/Outbox") {}

const appended = { id: "uuid", type: "text", topic: "text", key: "text", sequence: "int8", envelope: "text" } as const;
const moved = {
  position: "int8",
  id: "uuid",
  day: "text",
  type: "text",
  topic: "text",
  key: "text",
  sequence: "int8",
} as const;

/** The body is already JSON: it is spliced in, not serialised again. */
const textOf = ({ body, envelope }: Outgoing): string => {
  const { data: _, ...attributes } = envelope;
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${body}}`;
};

const appendedRow = (message: Outgoing) => ({
  id: message.envelope.id,
  type: message.envelope.type,
  topic: message.envelope.topic,
  key: message.envelope.key,
  sequence: message.envelope.sequence,
  envelope: textOf(message),
});

const movedRow = ({ envelope, position }: Row) => ({
  position,
  id: envelope.id,
  day: dayOfId(envelope.id),
  type: envelope.type,
  topic: envelope.topic,
  key: envelope.key,
  sequence: envelope.sequence,
});

/** Drafts outside of a machine: no state orders them, so they carry no sequence. */
const addressed = (source: string, at: number, ids: Ids, drafts: ReadonlyArray<Draft>): ReadonlyArray<Outgoing> =>
  drafts.map((draft) => {
    const { orderedBy: _, ...message } = draft;
    const envelope: Envelope = { ...message, id: ids.next(at), source, time: at };
    return { envelope, body: JSON.stringify(envelope.data) };
  });

/** PostgreSQL, in the ambient database. `source` names the service in every message. */
export const layer = (options: {
  readonly source: string;
}): Layer.Layer<Outbox | OutputLog, never, SqlClient.SqlClient | Database> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const database = yield* Database;
      const awake = yield* Latch.make(true);
      let handed: Array<Row> | undefined = [];
      const committed = (messages: ReadonlyArray<Outgoing>, positions: ReadonlyArray<bigint>) =>
        Effect.suspend(() => {
          const rows = messages.flatMap(({ envelope }, index): ReadonlyArray<Row> => {
            const position = positions[index];
            return position === undefined ? [] : [{ position, envelope }];
          });
          const kept = rows.length > 0 && handed !== undefined && handed.length + rows.length <= maxHandedRows;
          if (kept) handed?.push(...rows);
          else handed = undefined;
          return Effect.asVoid(awake.open);
        });
      const append = (messages: ReadonlyArray<Outgoing>) => [
        MachineStore.sql(
          "appended",
          sql`INSERT INTO outbox (id, type, topic, key, sequence, envelope)
            SELECT x.id, x.type, x.topic, x.key, x.sequence, x.envelope
            FROM ${Bulk.rows(sql, "x", appended, messages.map(appendedRow))} ORDER BY x.ordinal RETURNING position`,
          "position",
        ),
      ];
      const outbox = Outbox.of({
        add: Effect.fn("Outbox.add")(function* (drafts: ReadonlyArray<Draft>) {
          if (!(yield* database.joined)) return yield* Effect.die(new Error("Outbox.add outside of a transaction"));
          if (drafts.length === 0) return;
          const messages = addressed(options.source, yield* Clock.currentTimeMillis, yield* Ids, drafts);
          const positions = yield* database.write(append(messages));
          yield* database.afterCommit(committed(messages, positions));
        }),
        waiting: ({ blocked, except, limit }) =>
          Effect.map(
            sql<{ readonly position: bigint; readonly envelope: string }>`
              SELECT position, envelope FROM outbox
              WHERE position <> ALL(${Bulk.array("int8", except)}::int8[])
                AND topic <> ALL(${Bulk.array("text", blocked)}::text[])
              ORDER BY position LIMIT ${limit}`,
            (rows) => rows.map((row) => ({ position: row.position, envelope: JSON.parse(row.envelope) as Envelope })),
          ),
        sent: (rows) =>
          Effect.asVoid(sql`
            WITH x AS MATERIALIZED (SELECT * FROM ${Bulk.rows(sql, "x", moved, rows.map(movedRow))}),
              gone AS (DELETE FROM outbox o USING x WHERE o.position = x.position)
            INSERT INTO outbox_sent (id, day, position, type, topic, key, sequence)
            SELECT x.id, x.day::date, x.position, x.type, x.topic, x.key, x.sequence FROM x ON CONFLICT DO NOTHING`),
        size: Effect.map(sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM outbox`, (rows) =>
          Number(rows[0]?.n ?? 0),
        ),
        handed: () => {
          const rows = handed;
          handed = [];
          return rows;
        },
        awake,
      });
      return Context.make(Outbox, outbox).pipe(
        Context.add(OutputLog, OutputLog.of({ source: options.source, append, committed })),
      );
    }),
  );

/** In this process; for tests and simulations. */
export const layerMemory = (options: { readonly source: string }): Layer.Layer<Outbox | OutputLog> =>
  Layer.effectContext(
    Effect.gen(function* () {
      let rows: ReadonlyArray<Row> = [];
      let position = 0n;
      const awake = yield* Latch.make(true);
      const push = (messages: ReadonlyArray<Outgoing>): void => {
        rows = [...rows, ...messages.map(({ envelope }) => ({ position: ++position, envelope }))];
      };
      const outbox = Outbox.of({
        add: Effect.fnUntraced(function* (drafts: ReadonlyArray<Draft>) {
          push(addressed(options.source, yield* Clock.currentTimeMillis, yield* Ids, drafts));
          yield* awake.open;
        }),
        waiting: ({ blocked, except, limit }) =>
          Effect.sync(() =>
            rows
              .filter((row) => !except.includes(row.position) && !blocked.includes(row.envelope.topic))
              .slice(0, limit),
          ),
        sent: (gone) =>
          Effect.sync(() => {
            const positions = new Set(gone.map((row) => row.position));
            rows = rows.filter((row) => !positions.has(row.position));
          }),
        size: Effect.sync(() => rows.length),
        handed: () => undefined,
        awake,
      });
      const output = OutputLog.of({
        source: options.source,
        append: (messages) => [MachineStore.memory(() => push(messages))],
        committed: () => Effect.asVoid(awake.open),
      });
      return Context.make(Outbox, outbox).pipe(Context.add(OutputLog, output));
    }),
  );
