/** Begins one confirm and waits for the gateway's answer, which never comes: the process that is killed. */
import { Toss } from "@destiny/sdk/payment";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Till from "./Till.ts";

const [url = "", baseUrl = "", secretKey = "", reference = "", paymentKey = ""] = process.argv.slice(2);

const world = Till.layer.pipe(
  Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })),
  Layer.provideMerge(Toss.layer({ baseUrl, secretKey: Redacted.make(secretKey), timeoutMillis: 60_000 })),
);

await Effect.runPromise(
  Effect.gen(function* () {
    const till = yield* Till.make;
    yield* till.click(reference, paymentKey);
  }).pipe(Effect.scoped, Effect.provide(world)),
);
