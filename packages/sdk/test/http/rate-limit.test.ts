import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { RateLimit } from "@destiny/sdk/http";

describe("how often somebody may ask", () => {
  it("is the burst at once, then one after the other, and who waits as told passes", () => {
    const limit = RateLimit.make({ perSecond: 2, burst: 3 });
    const take = (at: number) => limit.take("a", at);
    assert.deepStrictEqual([take(0), take(0), take(0), take(0), take(100)], [0, 0, 0, 500, 400]);
    assert.deepStrictEqual([take(499), take(500), take(500)], [1, 0, 500]);
    assert.deepStrictEqual([take(60_000), take(60_000), take(60_000), take(60_000)], [0, 0, 0, 500]);
  });

  it("is each one's own", () => {
    const limit = RateLimit.make({ perSecond: 1, burst: 1 });
    assert.deepStrictEqual([limit.take("a", 0), limit.take("a", 0), limit.take("b", 0)], [0, 1000, 0]);
  });

  it("forgets who was seen longest ago when there are too many, and keeps those who go on asking", () => {
    const limit = RateLimit.make({ perSecond: 0.001, burst: 2, maxKeys: 2 });
    for (const key of ["a", "b", "a", "c"]) assert.strictEqual(limit.take(key, 0), 0);
    assert.isAbove(limit.take("a", 0), 0);
    assert.deepStrictEqual([limit.take("b", 0), limit.take("b", 0)], [0, 0]);
  });

  it("keeps those who go on asking although they are refused", () => {
    const limit = RateLimit.make({ perSecond: 0.001, burst: 1, maxKeys: 2 });
    for (const key of ["a", "b"]) assert.strictEqual(limit.take(key, 0), 0);
    assert.isAbove(limit.take("a", 0), 0);
    assert.strictEqual(limit.take("c", 0), 0);
    assert.isAbove(limit.take("a", 0), 0);
  });

  it("locks nobody out when the clock is set back", () => {
    const limit = RateLimit.make({ perSecond: 2, burst: 3 });
    assert.strictEqual(limit.take("a", 3_600_000), 0);
    assert.strictEqual(limit.take("a", 0), 500);
    assert.strictEqual(limit.take("a", 500), 0);
  });

  it("is no rule that lets nobody through", () => {
    for (const [perSecond, burst] of [
      [0, 1],
      [-1, 1],
      [Number.NaN, 1],
      [1, 0],
    ] as const) {
      assert.throws(() => RateLimit.make({ perSecond, burst }), /nobody could ever ask/);
    }
  });

  it("says what the rule is and when to come back", () => {
    const limit = RateLimit.make({ perSecond: 10, burst: 50 });
    assert.deepStrictEqual(limit.headers(1200), {
      ratelimit: '"default";r=0;t=2',
      "ratelimit-policy": '"default";q=50;w=5',
    });
  });

  const Gaps = Schema.Array(Schema.Literals([0, 1, 40, 300, 5000]));

  it.effect.prop("never lets more through than burst and rate allow, in any span", [Gaps], ([gaps]) =>
    Effect.sync(() => {
      const [perSecond, burst] = [5, 4];
      const limit = RateLimit.make({ perSecond, burst });
      let at = 0;
      const passed: Array<number> = [];
      for (const gap of gaps.flatMap((gap) => [gap, 0, 0])) {
        at += gap;
        if (limit.take("a", at) === 0) passed.push(at);
      }
      passed.forEach((from, first) => {
        passed.slice(first).forEach((to, more) => {
          assert.isAtMost(more + 1, burst + (perSecond * (to - from)) / 1000 + 1e-9);
        });
      });
    }),
  );
});
