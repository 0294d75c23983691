/**
 * The router with what it needs to know of this process: which gateways take part, and how they are.
 *
 * Guarantee: an order always has a gateway; a choice comes with the router's explanation, also when no gateway was well and
 * the buyer is sent to one for its weight alone. Nothing is asked of anybody: a choice is made from what is known by now.
 */
import * as Effect from "effect/Effect";
import { GatewayHealth } from "./GatewayHealth.ts";
import * as GatewayRouter from "./GatewayRouter.ts";
import type { Choice, Route } from "./PaymentModel.ts";

export interface Next {
  /** null: there is no other that can be used. */
  readonly to: Choice | null;
  /** The gateway that the buyer was sent to last is not well. */
  readonly unusable: boolean;
}

export const make = Effect.fnUntraced(function* (candidates: ReadonlyArray<GatewayRouter.Candidate>) {
  const health = yield* GatewayHealth;

  const choose = (reference: string, tried: ReadonlyArray<string>, at: number): GatewayRouter.Explanation =>
    GatewayRouter.choose({
      candidates,
      health: health.snapshotAt(at),
      tried,
      draw: GatewayRouter.drawOf(`${reference}/${tried.length}`),
    });

  return {
    candidates,
    /** Where a new order is paid. */
    first: (reference: string, at: number): Choice => {
      const explanation = choose(reference, [], at);
      if (explanation.chosen !== null) return { provider: explanation.chosen, explanation };
      const { draw } = explanation;
      const { chosen } = GatewayRouter.choose({ candidates, health: {}, tried: [], draw });
      if (chosen === null) throw new Error("no gateway has a weight");
      return { provider: chosen, explanation };
    },
    /** Where an order goes on that was sent along these routes. */
    next: (reference: string, routes: ReadonlyArray<Route>, at: number): Next => {
      const tried = routes.map(({ provider }) => provider);
      const explanation = choose(reference, tried, at);
      const last = tried.at(-1);
      const finding = choose(reference, [], at).considered.find(({ provider }) => provider === last)?.finding;
      return {
        to: explanation.chosen === null ? null : { provider: explanation.chosen, explanation },
        unusable: finding === undefined || finding === "open" || finding === "no weight",
      };
    },
  };
});

export type GatewayRouting = Effect.Success<ReturnType<typeof make>>;
