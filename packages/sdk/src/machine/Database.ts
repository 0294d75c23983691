/**
 * One database as a group commit sees it: transactions, and the lane that keeps one group in flight.
 *
 * Groups of all machines of a database queue for one lane: while a commit is in flight the next group gathers, so waiting
 * is never added and an idle system commits groups of one.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Semaphore from "effect/Semaphore";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as Statement from "effect/sql/Statement";
import type { Guard, Write } from "./MachineStore.ts";

/** What must be true of the database for a group that was decided without asking it. */
export interface Conditions {
  readonly guards: ReadonlyArray<Guard>;
  readonly unparked: Statement.Fragment;
}

export class Database extends Context.Service<
  Database,
  {
    /** Runs in a transaction of its own and commits it. A failure says nothing about whether it was committed. */
    readonly transact: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>;
    /** True when the caller already is inside a transaction of this database. */
    readonly joined: Effect.Effect<boolean>;
    /** Runs once the caller's transaction has committed; at once when there is none. */
    readonly afterCommit: (effect: Effect.Effect<void>) => Effect.Effect<void>;
    /**
     * Runs the writes of a group, all or none, and answers the positions that they return. Inside `transact` it is part of
     * that transaction. With `conditions` it is a transaction of its own: when they do not hold it fails with SQLSTATE 40001
     * and nothing is written.
     */
    readonly write: (
      writes: ReadonlyArray<Write>,
      conditions?: Conditions,
    ) => Effect.Effect<ReadonlyArray<bigint>, SqlError>;
    /** One permit: the group in flight. */
    readonly lane: Semaphore.Semaphore;
  }
>()("@destiny/sdk/machine/Database") {
  /** PostgreSQL through the ambient `SqlClient`. */
  static readonly layer: Layer.Layer<Database, never, SqlClient.SqlClient> = Layer.effect(
    Database,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      return Database.of({
        transact: (effect) => sql.withTransaction(effect),
        joined: Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome),
        afterCommit: (effect) => sql.afterCommit(effect),
        write: (writes, conditions) => joinedWrite(sql, writes, conditions),
        lane: yield* Semaphore.make(1),
      });
    }),
  );

  /**
   * States in this process. A transaction is the order of its writes: they are applied together after all reads, and a
   * group that fails before that has written nothing.
   */
  static readonly layerMemory: Layer.Layer<Database> = Layer.effect(
    Database,
    Effect.gen(function* () {
      const exclusive = yield* Semaphore.make(1);
      return Database.of({
        transact: (effect) => exclusive.withPermit(effect),
        joined: Effect.succeed(false),
        afterCommit: (effect) => effect,
        write: (writes) =>
          Effect.sync(() => {
            for (const write of writes) if (write._tag === "Memory") write.apply();
            return [];
          }),
        lane: yield* Semaphore.make(1),
      });
    }),
  );
}

/**
 * One statement. The conditions come first: the parts that write run when the final query has been answered, and that one
 * reads `held`, which locks and compares. Only what returns positions runs earlier, right behind `held`, so that positions
 * are taken after the locks.
 */
const joinedWrite = (
  sql: SqlClient.SqlClient,
  writes: ReadonlyArray<Write>,
  conditions: Conditions | undefined,
): Effect.Effect<ReadonlyArray<bigint>, SqlError> => {
  const parts = conditions === undefined ? [sql`held AS (SELECT true)`] : conditionsOf(sql, conditions);
  let positions = sql`NULL::int8[]`;
  for (const write of writes) {
    if (write._tag === "Memory") continue;
    parts.push(sql`${sql.literal(write.name)} AS (${write.statement})`);
    if (write.returns !== undefined) {
      positions = sql`(SELECT array_agg(position ORDER BY position) FROM ${sql.literal(write.name)})`;
    }
  }
  if (parts.length === 1 && conditions === undefined) return Effect.succeed([]);
  return Effect.map(
    sql<{
      readonly positions: ReadonlyArray<bigint> | null;
    }>`WITH ${Statement.csv(parts)} SELECT ${positions} AS positions FROM held`,
    ([row]) => row?.positions ?? [],
  );
};

const conditionsOf = (sql: SqlClient.SqlClient, { guards, unparked }: Conditions): Array<Statement.Fragment> => {
  const holds = guards.map(
    ({ name, rows }) =>
      sql`(SELECT count(*) = ${rows}::int4 AND coalesce(bool_and(ok), true) FROM ${sql.literal(name)})`,
  );
  return [
    ...guards.map(({ name, statement }) => sql`${sql.literal(name)} AS MATERIALIZED (${statement})`),
    sql`held AS MATERIALIZED (SELECT destiny_held(${sql.and([...holds, unparked])}))`,
  ];
};
