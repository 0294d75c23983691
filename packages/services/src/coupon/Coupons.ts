/** The coupons of the shop: what the HTTP API and the consumer have in common. */
import { Ports } from "@destiny/sdk/machine";
import { QuotaGate, QuotaStore } from "@destiny/sdk/quota";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import * as Commits from "../shared/Commits.ts";
import { machine } from "./Domain.ts";
import { emit } from "./Messages.ts";
import * as Reads from "./Reads.ts";
import { Answer, Rejection } from "./State.ts";
import * as Store from "./Store.ts";

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const coupons = yield* Commits.make({
    machine,
    store: Store.make,
    read: Reads.make,
    output: Answer,
    rejection: Rejection,
    emit,
  });
  const inputs = yield* Ports.InputLog;
  const gate = yield* QuotaGate.make({
    survey: (quotaId, asked) => QuotaStore.survey(sql, quotaId, asked),
    answered: (inputIds) => {
      const asked = inputIds.map((id) => ({ id, at: 0, input: undefined }));
      return Effect.map(inputs.look(machine.name, asked), (seen) => new Set(seen.keys()));
    },
  });
  return { ...coupons, gate };
});

export class Coupons extends Context.Service<Coupons, Effect.Success<typeof make>>()(
  "@destiny/services/coupon/Coupons",
) {
  static readonly layer = Layer.effect(Coupons, make).pipe(Layer.provide(QuotaGate.QuotaMarks.layerMemory));
}
