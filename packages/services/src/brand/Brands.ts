/** The brands of the shop: what the HTTP API and the consumer have in common. */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Commits from "../shared/Commits.ts";
import { Answer, machine, Rejection } from "./Domain.ts";
import { emit } from "./Messages.ts";
import * as Store from "./Store.ts";

const make = Commits.make({ machine, store: Store.make, read: Store.read, output: Answer, rejection: Rejection, emit });

export class Brands extends Context.Service<Brands, Effect.Success<typeof make>>()("@destiny/services/brand/Brands") {
  static readonly layer = Layer.effect(Brands, make);
}
