/** A simulated vendor of its own for a test, over its socket, on a clock that only the test moves. */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Capture } from "../../src/simulators/Captures.ts";
import type { SimulatorOptions } from "../../src/simulators/Simulator.ts";
import { makeClient, type NoAnswer, type Options, type Reply } from "./TossHarness.ts";

export interface Simulated<Shape> {
  readonly vendor: Shape;
  /** Signed as the merchant, unless told otherwise. */
  readonly call: (method: string, path: string, body?: unknown, options?: Options) => Effect.Effect<Reply, NoAnswer>;
  readonly faults: (...rules: ReadonlyArray<unknown>) => Effect.Effect<Reply, NoAnswer>;
  /** Moves the simulator's clock. */
  readonly pass: (millis: number) => void;
  /** What was captured and given back: `captured 1000`. */
  readonly moved: () => ReadonlyArray<string>;
}

interface Vendor {
  readonly url: string;
  readonly captures: () => ReadonlyArray<Capture>;
}

export const simulating =
  <Shape extends Vendor, O extends SimulatorOptions, E1>(
    make: (options: O) => Effect.Effect<Shape, E1, Scope.Scope>,
    authorization: string,
  ) =>
  <A, E>(body: (simulated: Simulated<Shape>) => Effect.Effect<A, E>, options: Omit<O, "port">) =>
  () =>
    Effect.gen(function* () {
      let at = Date.UTC(2026, 10, 27, 0, 0, 0);
      const vendor = yield* make({ port: 0, drainMillis: 200, now: () => at, ...options } as unknown as O);
      const { call, faults } = makeClient(vendor.url);
      return yield* body({
        vendor,
        call: (method, path, sent, how) => call(method, path, sent, { authorization, ...how }),
        faults,
        pass: (millis) => {
          at += millis;
        },
        moved: () => vendor.captures().map(({ amount, kind }) => `${kind} ${amount}`),
      });
    }).pipe(Effect.scoped);
