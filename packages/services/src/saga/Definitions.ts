/** The sagas of the shop. Old versions stay listed while instances of them live. */
import * as Effect from "effect/Effect";
import * as Settings from "../shared/Settings.ts";
import * as CancelOrder from "./CancelOrder.ts";
import * as PlaceOrder from "./PlaceOrder.ts";

export const all = (windows: PlaceOrder.Windows) => [PlaceOrder.make(windows), CancelOrder.definition];

export const configured = Effect.map(Settings.windows, all);
