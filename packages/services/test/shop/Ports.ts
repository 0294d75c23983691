/** Where a shop of a test may listen. */
import { createServer } from "node:net";
import * as Effect from "effect/Effect";
import { services } from "../../src/catalogue.ts";

/** Two tests that run at once must not share a port: each takes another offset as long as one of its ports is taken. */
const maxOffsets = 20;

/** Listens and lets go again. Answers the port, or undefined when somebody else has it. `0`: any free one. */
const listen = (wanted: number) =>
  Effect.callback<number | undefined>((resume) => {
    const server = createServer();
    server.once("error", () => resume(Effect.succeed(undefined)));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resume(Effect.succeed(port)));
    });
  });

export const freeOffset = Effect.gen(function* () {
  for (let attempt = 0; attempt < maxOffsets; attempt++) {
    const offset = 20_000 + (((yield* listen(0)) ?? 0) % 20_000);
    const ports = yield* Effect.forEach(services, ({ port }) => listen(port + offset));
    if (!ports.includes(undefined)) return offset;
  }
  return yield* Effect.die(new Error(`no free ports at ${maxOffsets} offsets`));
});
