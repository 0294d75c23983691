/** The sagas of the shop. Old versions stay listed while instances of them live. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Settings from "../shared/Settings.ts";
import * as PlaceOrder from "./PlaceOrder.ts";

export const all = (windows: PlaceOrder.Windows) => [PlaceOrder.make(windows)];

export const configured = Effect.gen(function* () {
  return all({
    paymentMillis: Duration.toMillis(yield* Settings.paymentWindow),
    holdMillis: Duration.toMillis(yield* Settings.holdLifetime),
  });
});
