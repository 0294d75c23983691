import { assert, describe, it } from "@effect/vitest";
import { Toss } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import { simulatorUrl } from "../../src/supervisor/Topology.ts";
import * as Desk from "./Desk.ts";
import { running } from "./running.ts";

describe("pg", () => {
  it.live("status shows each gateway's share and its breakers", () =>
    Effect.gen(function* () {
      const { instance, json, run } = yield* running;
      yield* Desk.payments(instance);
      const shown = yield* run("pg", "status");
      assert.match(shown.stdout, /^TOSSPAYMENTS +2 +open until 2026-01-01 .* \(5 of 6 failed\) +not called/m);
      assert.strictEqual((yield* json("pg", "status")).body.items[0].confirm.state, "open");
    }),
  );

  it.live("route shows where an order was sent and why, and what became of each try", () =>
    Effect.gen(function* () {
      const { instance, json, run } = yield* running;
      yield* Desk.payments(instance);
      const shown = yield* run("pg", "route", Desk.moved.orderId);
      assert.match(shown.stdout, /CAPTURED at PORTONE/);
      assert.match(shown.stdout, /^TOSSPAYMENTS .* opened +TOSSPAYMENTS well 50 %$/m);
      assert.match(shown.stdout, /^ *1 +TOSSPAYMENTS +voided/m);
      assert.deepStrictEqual((yield* json("pg", "route", Desk.moved.orderId)).body, Desk.moved);
      for (const [order, code] of [
        ["0190a000-0000-7000-8000-000000000002", "PAYM-107"],
        ["order-1", "NO_ORDER_ID"],
      ] as const) {
        const unknown = yield* json("pg", "route", order);
        assert.deepStrictEqual([unknown.code, unknown.body.error.code], [2, code]);
      }
    }),
  );

  it.live(
    "fault replaces the plan of a simulator, and none ends it; other words and a vendor that is down say what to do",
    () =>
      Effect.gen(function* () {
        const { instance, json } = yield* running;
        const port = Number(new URL(simulatorUrl(instance, "toss")).port);
        const { faults } = yield* Toss.make({ port });
        assert.strictEqual((yield* json("pg", "fault", "toss", "approve-then-hang", "--seconds", "9")).code, 0);
        assert.deepStrictEqual(
          faults.report().rules.map(({ rule }) => rule),
          [
            { kind: "approveThenHang", operations: ["confirm"], durationMillis: 9000 },
            { kind: "hang", operations: ["inquire"], durationMillis: 9000 },
          ],
        );
        for (const kind of ["latency", "hang", "reset", "approve-then-reset", "decline", "rate-limit", "unavailable"]) {
          assert.strictEqual((yield* json("pg", "fault", "toss", kind)).code, 0, kind);
          assert.isAbove(faults.report().rules.length, 0, kind);
        }
        assert.strictEqual((yield* json("pg", "fault", "toss", "none")).code, 0);
        assert.deepStrictEqual(faults.report().rules, []);
        for (const [args, code, error, next] of [
          [["tos", "hang"], 2, "UNKNOWN_GATEWAY", "did you mean toss?"],
          [["toss", "outge"], 2, "UNKNOWN_FAULT", "did you mean outage?"],
          [["portone", "hang"], 4, "SIMULATOR_UNREACHABLE", "wait"],
        ] as const) {
          const refused = yield* json("pg", "fault", ...args);
          assert.deepStrictEqual([refused.code, refused.body.error.code], [code, error]);
          assert.include(refused.body.error.next[0], next);
        }
      }),
  );
});
