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
import type { Write } from "./MachineStore.ts";

export class Database extends Context.Service<
  Database,
  {
    /** Runs in a transaction of its own and commits it. A failure says nothing about whether it was committed. */
    readonly transact: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>;
    /** True when the caller already is inside a transaction of this database. */
    readonly joined: Effect.Effect<boolean>;
    /** Runs once the caller's transaction has committed; at once when there is none. */
    readonly afterCommit: (effect: Effect.Effect<void>) => Effect.Effect<void>;
    /** Runs the writes of a group, all or none. */
    readonly write: (writes: ReadonlyArray<Write>) => Effect.Effect<void, SqlError>;
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
        write: (writes) => joinedWrite(sql, writes),
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
          }),
        lane: yield* Semaphore.make(1),
      });
    }),
  );
}

const joinedWrite = (sql: SqlClient.SqlClient, writes: ReadonlyArray<Write>): Effect.Effect<void, SqlError> => {
  const parts: Array<Statement.Fragment> = [];
  for (const write of writes) {
    if (write._tag === "Sql") parts.push(sql`${sql.literal(write.name)} AS (${write.statement})`);
  }
  return parts.length === 0 ? Effect.void : Effect.asVoid(sql`WITH ${Statement.csv(parts)} SELECT 1`);
};
