/** The catalogue of the shop: what the HTTP API and the consumer have in common. */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Commits from "../shared/Commits.ts";
import { emit, machine } from "./Domain.ts";
import { Answer, Rejection } from "./State.ts";
import * as Store from "./Store.ts";

const make = Commits.make({ machine, store: Store.make, read: Store.read, output: Answer, rejection: Rejection, emit });

export class Products extends Context.Service<Products, Effect.Success<typeof make>>()(
  "@destiny/services/product/Products",
) {
  static readonly layer = Layer.effect(Products, make);
}
