/** The stock ledger of the shop: commands through one group commit, overdue holds swept, availability read on the side. */
import { GroupCommit } from "@destiny/sdk/machine";
import { Ids } from "@destiny/sdk/message";
import { ReservationMachine, ReservationStore } from "@destiny/sdk/reservation";
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { emit } from "./Messages.ts";
import * as Availability from "./Availability.ts";

/** Pause between sweeps for overdue holds, and how many one sweep expires. */
const sweepMillis = 500;
const maxSweepHolds = 500;

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const ids = yield* Ids.Ids;
  const commit = yield* GroupCommit.make({
    machine: ReservationMachine.machine,
    store: ReservationStore.make(sql),
    consumer: "stock",
    output: ReservationMachine.Output,
    rejection: ReservationMachine.Rejection,
    emit,
  });
  const expireOverdue = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis;
    const due = yield* ReservationStore.dueHolds(sql, now, maxSweepHolds);
    yield* commit.apply(
      due.map((orderId) => ({
        _tag: "Readable" as const,
        input: { id: ids.next(now), at: now, input: { _tag: "Expire" as const, orderId } },
      })),
    );
    return due.length;
  }).pipe(Effect.withSpan("stock.expireOverdue"));
  return {
    commit,
    expireOverdue,
    sweeper: expireOverdue.pipe(
      Effect.catchCause((cause) => Effect.as(Effect.logWarning("the sweep failed; it comes again", cause), 0)),
      Effect.flatMap((expired) => (expired < maxSweepHolds ? Effect.sleep(sweepMillis) : Effect.void)),
      Effect.forever,
    ),
    availability: yield* Availability.make(sql),
  };
});

export class Stocks extends Context.Service<Stocks, Effect.Success<typeof make>>()("@destiny/services/stock/Stocks") {
  static readonly layer = Layer.effect(Stocks, make);
}
