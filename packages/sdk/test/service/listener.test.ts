import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Scope from "effect/Scope";
import { connect, createServer, type Socket } from "node:net";
import * as HttpListener from "../../src/service/HttpListener.ts";

const answering = Effect.fnUntraced(function* (port = 0) {
  const listener = yield* HttpListener.make({ port });
  yield* listener.serve(Effect.succeed(HttpServerResponse.text("here")));
  return listener;
});

const request = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

/** Asks over so many new connections at once; answers in how many turns of this event loop all were answered. */
const turnsUntilAnswered = (port: number, connections: number) =>
  Effect.callback<number>((resume) => {
    let turns = 0;
    let answered = 0;
    const sockets: Array<Socket> = [];
    const turn = (): void => {
      turns += 1;
      if (answered < connections) setImmediate(turn);
      else {
        for (const socket of sockets) socket.destroy();
        resume(Effect.succeed(turns));
      }
    };
    for (let n = 0; n < connections; n += 1) {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => (answered += 1)).end(request);
      sockets.push(socket);
    }
    turn();
  });

describe("HttpListener", () => {
  it.live.runIf(HttpListener.acceptors > 1)("accepts many connections in one turn of the event loop", () =>
    Effect.gen(function* () {
      const { port } = yield* answering();
      const connections = 640;
      assert.isBelow(yield* turnsUntilAnswered(port, connections), connections / 4);
    }),
  );

  it.live("a port on which somebody listens is refused, also by a copy of itself", () =>
    Effect.gen(function* () {
      const { port } = yield* answering();
      assert.isTrue(Exit.isFailure(yield* Effect.exit(answering(port))));
      const alone = yield* Effect.exit(
        Effect.callback<void, Error>((resume) => {
          const other = createServer()
            .once("error", (error) => resume(Effect.fail(error)))
            .listen(port, "127.0.0.1", () => other.close(() => resume(Effect.void)));
        }),
      );
      assert.isTrue(Exit.isFailure(alone), "nobody else gets it either");
    }),
  );

  it.live("the port is free when its scope has ended, whether or not it was closed before", () =>
    Effect.gen(function* () {
      for (const isClosed of [true, false]) {
        const scope = yield* Scope.make();
        const { close, port } = yield* Scope.provide(answering(), scope);
        if (isClosed) assert.isTrue(yield* close(1000));
        yield* Scope.close(scope, Exit.void);
        const again = yield* Scope.make();
        yield* Scope.provide(answering(port), again);
        yield* Scope.close(again, Exit.void);
      }
    }),
  );
});
