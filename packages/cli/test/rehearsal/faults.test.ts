import { Toss } from "@destiny/testkit/simulators";
import type { Fault } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { CliError } from "../../src/CliError.ts";
import { injectAll } from "../../src/run/faults.ts";

/** Short, because the gateway is a real process's server with a clock of its own. */
const lengthMillis = 200;
const seconds = 0.1;

const hang: Fault = {
  kind: "gateway",
  gateway: "TOSSPAYMENTS",
  rules: [{ kind: "approveThenHang" }],
  seconds,
  at: 0.5,
};
const noService = Effect.fail(new CliError({ exit: "tool", code: "X", message: "no such service", next: [] }));

interface Carrying {
  readonly faults: ReadonlyArray<Fault>;
  readonly simulatorUrls?: Readonly<Record<string, string>>;
  readonly kill?: Effect.Effect<{ readonly recoveredMs: number }, CliError>;
}

const carry = Effect.fnUntraced(function* ({ faults, kill = noService, simulatorUrls = {} }: Carrying) {
  const notes: Array<string> = [];
  const at = yield* Clock.currentTimeMillis;
  const connection = { simulatorUrls, kill: () => kill };
  const carriedOut = yield* injectAll({ faults }, connection, { at, lengthMillis }, (note) => notes.push(note));
  return { carriedOut, notes, at };
});

describe("faults of a scenario", () => {
  it.live("a gateway is told at its time, its window ends with the rule, and then it works again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* Toss.make({ port: 0 });
        const { at, carriedOut, notes } = yield* carry({ faults: [hang], simulatorUrls: { TOSSPAYMENTS: url } });
        const [one] = carriedOut;
        assert.deepInclude(one, { kind: "gateway", target: "TOSSPAYMENTS", recoveredMs: 100, settleSeconds: 0 });
        assert.isAtLeast((one?.injectedAt ?? 0) - at, lengthMillis / 2);
        const report: unknown = yield* Effect.promise(async () => (await fetch(`${url}/__sim/faults`)).json());
        const rule = { kind: "approveThenHang", durationMillis: 100 };
        assert.deepInclude(report, { rules: [{ rule, hits: 0, active: false }] });
        assert.deepStrictEqual(notes, ["TOSSPAYMENTS: approveThenHang for 0.1 s", "TOSSPAYMENTS: over"]);
      }),
    ),
  );

  it.live("a rule that the gateway does not know, a gateway that is not there and a service that is not are told", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* Toss.make({ port: 0 });
        const unknown: Fault = { ...hang, rules: [{ kind: "earthquake" }] };
        const nowhere: Fault = { ...hang, gateway: "MARS" };
        const gone: Fault = { kind: "kill", service: "moon", at: 0 };
        const faults = [unknown, nowhere, gone];
        const { carriedOut, notes } = yield* carry({ faults, simulatorUrls: { TOSSPAYMENTS: url } });
        assert.deepStrictEqual(
          carriedOut.map(({ recoveredMs, target }) => [target, recoveredMs]),
          [
            ["TOSSPAYMENTS", null],
            ["MARS", null],
            ["moon", null],
          ],
        );
        for (const what of [/TOSSPAYMENTS did not take the fault: 400/, /MARS .* there is none/, /no such service/]) {
          assert.match(notes.join("\n"), what);
        }
      }),
    ),
  );

  it.live("a killed service has recovered when the supervisor says so", () =>
    Effect.gen(function* () {
      const kill: Fault = { kind: "kill", service: "stock", at: 0, settleSeconds: 2 };
      const { carriedOut } = yield* carry({ faults: [kill], kill: Effect.succeed({ recoveredMs: 700 }) });
      assert.deepInclude(carriedOut[0], { kind: "kill", target: "stock", recoveredMs: 700, settleSeconds: 2 });
    }),
  );
});
