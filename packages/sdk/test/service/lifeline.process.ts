/** A process under test: one service with a slow route and a worker that says when it stops. */
import * as Effect from "effect/Effect";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Layer from "effect/Layer";
import { Lifeline, Service, Telemetry } from "@destiny/sdk/service";

const slow = Effect.logInfo("entered").pipe(
  Effect.andThen(Effect.sleep("300 millis")),
  Effect.as(HttpServerResponse.text("done")),
);

const workers = Layer.effectDiscard(Effect.addFinalizer(() => Effect.logInfo("worker stopped")));

Service.run(
  Service.layer({
    name: "under-test",
    port: 0,
    routes: HttpRouter.add("GET", "/slow", slow),
    workers,
    migrations: process.argv.includes("--fail") ? Effect.fail("bad migration") : Effect.void,
  }),
  {
    telemetry: Telemetry.layer({ service: "under-test" }),
    stdin: process.env[Lifeline.variable] === "stdin",
  },
);
