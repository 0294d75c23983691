/** The catalogue of the shop: what the HTTP API and the consumer have in common. */
import { GroupCommit } from "@destiny/sdk/machine";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import { Answer, emit, machine } from "./Domain.ts";
import * as Store from "./Store.ts";

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const commit = yield* GroupCommit.make({
    machine,
    store: Store.make(sql),
    output: Answer,
    rejection: Schema.Never,
    emit,
  });
  return { commit, read: Store.read(sql) };
});

export class Products extends Context.Service<Products, Effect.Success<typeof make>>()(
  "@destiny/services/product/Products",
) {
  static readonly layer = Layer.effect(Products, make);
}
