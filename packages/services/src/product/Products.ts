/** The catalogue of the shop: what the HTTP API and the consumer have in common. */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import * as Commits from "../shared/Commits.ts";
import { emit, machine } from "./Domain.ts";
import * as ShopWindow from "./ShopWindow.ts";
import { Answer, Rejection } from "./State.ts";
import * as Store from "./Store.ts";

const make = Effect.gen(function* () {
  const window = yield* ShopWindow.make(Store.read(yield* SqlClient.SqlClient));
  const { commit } = yield* Commits.make({
    machine,
    store: Store.make,
    read: () => window,
    output: Answer,
    rejection: Rejection,
    emit,
    onCommit: window.committed,
  });
  return { commit, window };
});

export class Products extends Context.Service<Products, Effect.Success<typeof make>>()(
  "@destiny/services/product/Products",
) {
  static readonly layer = Layer.effect(Products, make);
}
