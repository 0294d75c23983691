/** Who asks, where only the one who manages something may, or a MASTER. */
import { Auth } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import { UserId } from "../contracts/index.ts";

/** null: a MASTER, who may do it to what is everybody's. */
export type By = UserId | null;

export const by = Effect.map(Auth.CurrentPrincipal, ({ role, userId }): By =>
  role === "MASTER" ? null : UserId.make(userId),
);
