import { assert, describe, it } from "@effect/vitest";
import { GatewayBreaker } from "@destiny/sdk/payment";
import * as Schema from "effect/Schema";

const { ask, seen, tell } = GatewayBreaker;
const limits: GatewayBreaker.Limits = {
  windowMillis: 1000,
  minCalls: 4,
  maxFailureShare: 0.5,
  openMillis: 200,
  maxOpenMillis: 1000,
  probeShare: 0.2,
  probeEveryMillis: 300,
  maxProbesAtOnce: 2,
  probeMillis: 2000,
  probesToClose: 3,
};

const Step = Schema.Struct({
  act: Schema.Literals(["ask", "ask", "ask", "well", "failed", "failed", "abandoned", "pass"]),
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 })),
  /** Which of the outstanding calls tells. */
  which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
});
const Steps = Schema.Array(Step).check(Schema.isMaxLength(120));
type Steps = ReadonlyArray<typeof Step.Type>;

/** Plays the steps; `each` sees every question with its answer, and the breaker before and after whatever happened. */
const play = (
  steps: Steps,
  each: (moment: {
    readonly at: number;
    readonly before: GatewayBreaker.Breaker;
    readonly after: GatewayBreaker.Breaker;
    readonly permitted: boolean | undefined;
    readonly outstanding: ReadonlyArray<GatewayBreaker.Permit>;
  }) => void = () => {},
) => {
  let at = 0;
  let breaker = GatewayBreaker.initial(at);
  let outstanding: ReadonlyArray<GatewayBreaker.Permit> = [];
  for (const { act, millis, which } of steps) {
    const before = breaker;
    let permitted: boolean | undefined;
    if (act === "pass") at += millis;
    else if (act === "ask") {
      const asked = ask(breaker, limits, at);
      ({ breaker } = asked);
      permitted = asked.permit !== undefined;
      if (asked.permit !== undefined) outstanding = [...outstanding, asked.permit];
    } else {
      const permit = outstanding[which % Math.max(1, outstanding.length)];
      if (permit === undefined) continue;
      outstanding = outstanding.toSpliced(outstanding.indexOf(permit), 1);
      breaker = tell(breaker, permit, act, limits, at);
    }
    each({ at, before, after: breaker, permitted, outstanding });
  }
  return { at, breaker };
};

/** One call after another, all with one outcome, `everyMillis` apart; answers when it first stood as wanted. */
const until = (
  wanted: GatewayBreaker.Breaker["_tag"],
  from: { readonly at: number; readonly breaker: GatewayBreaker.Breaker },
  verdict: GatewayBreaker.Verdict,
  everyMillis: number,
  atMost: number,
) => {
  let { at, breaker } = from;
  for (let calls = 0; calls < atMost; calls++) {
    if (breaker._tag === wanted) return { at, breaker, calls };
    at += everyMillis;
    const asked = ask(breaker, limits, at);
    breaker = asked.permit === undefined ? asked.breaker : tell(asked.breaker, asked.permit, verdict, limits, at);
  }
  throw new Error(`not ${wanted} after ${atMost} calls: ${JSON.stringify(breaker)}`);
};

const opened = () => until("Open", { at: 0, breaker: GatewayBreaker.initial(0) }, "failed", 1, 10);

const runs = { arbitrary: { runs: 500 } };

describe("a breaker, whatever happens", () => {
  it.prop(
    "lets nothing through while it is open, and stays open for its time",
    [Steps],
    ([steps]) => {
      let until = 0;
      play(steps, ({ after, at, before, permitted }) => {
        if (after._tag === "Open" && before._tag !== "Open") {
          until = after.until;
          assert.isAtLeast(until - at, limits.openMillis);
          assert.isAtMost(until - at, limits.maxOpenMillis);
        }
        if (permitted === true) assert.isAtLeast(at, until);
      });
    },
    runs,
  );

  it.prop(
    "half-open, lets through no more than its share of what asks and one in a while, and few at once",
    [Steps],
    ([steps]) => {
      let since = 0;
      let asked = 0;
      let through = 0;
      play(steps, ({ after, at, before, outstanding, permitted }) => {
        if (after._tag !== "HalfOpen") return;
        if (before._tag === "Open") {
          since = before.until;
          asked = 0;
          through = 0;
        }
        if (permitted !== undefined) asked += 1;
        if (permitted === true) through += 1;
        const inAnyCase = Math.floor((at - since) / limits.probeEveryMillis);
        assert.isAtMost(through, Math.ceil(asked * limits.probeShare) + inAnyCase);
        const probes = outstanding.filter((permit) => permit.generation === after.generation);
        assert.isAtMost(probes.length, limits.maxProbesAtOnce);
        assert.strictEqual(after.atOnce, probes.length);
      });
    },
    runs,
  );

  it.prop(
    "is opened by failures only",
    [Steps],
    ([steps]) => {
      const { breaker } = play(steps.filter(({ act }) => act !== "failed"));
      assert.strictEqual(breaker._tag, "Closed");
    },
    runs,
  );

  it.prop(
    "does not hear what is told about a call that an earlier state let through",
    [Steps, Schema.Literals(["well", "failed", "abandoned"])],
    ([steps, verdict]) => {
      const { at, breaker } = play(steps);
      const now = seen(breaker, limits, at);
      const stale = { generation: now.generation - 1 };
      assert.deepStrictEqual(tell(breaker, stale, verdict, limits, at), now);
    },
    runs,
  );

  it.prop(
    "closes again once calls go well, and not later than its bounds say",
    [Steps],
    ([steps]) => {
      const left = play(steps);
      // Probes that were still out are lost: they count as failed, once.
      const { at } = until("Closed", left, "well", limits.probeEveryMillis, 100);
      const bound = limits.probeMillis + limits.maxOpenMillis + (limits.probesToClose + 3) * limits.probeEveryMillis;
      assert.isAtMost(at - left.at, bound);
    },
    runs,
  );
});

describe("a breaker", () => {
  it("opens at the share and not below it, and not before enough calls were made", () => {
    const failures = (failed: number, calls: number) => {
      let breaker = GatewayBreaker.initial(0);
      for (let call = 0; call < calls; call++) {
        const asked = ask(breaker, limits, call);
        if (asked.permit === undefined) return asked.breaker._tag;
        breaker = tell(asked.breaker, asked.permit, call < calls - failed ? "well" : "failed", limits, call);
      }
      return breaker._tag;
    };
    assert.strictEqual(failures(3, 3), "Closed");
    assert.strictEqual(failures(4, 4), "Open");
    assert.strictEqual(failures(49, 100), "Closed");
    assert.strictEqual(failures(50, 100), "Open");
  });

  it("forgets what is older than its window", () => {
    let breaker = GatewayBreaker.initial(0);
    const tooFew = limits.minCalls - 1;
    for (let call = 0; call < 20 * tooFew; call++) {
      const at = Math.floor(call / tooFew) * limits.windowMillis;
      const asked = ask(breaker, limits, at);
      breaker = tell(asked.breaker, asked.permit!, "failed", limits, at);
    }
    assert.strictEqual(breaker._tag, "Closed");
  });

  it("half-open, has no more probes out at once than its bound, however many ask for however long", () => {
    let { at, breaker } = opened();
    let probes = 0;
    for (at += limits.openMillis; probes < 1 || at < limits.probeMillis; at += limits.probeEveryMillis / 2) {
      const asked = ask(breaker, limits, at);
      ({ breaker } = asked);
      if (asked.permit !== undefined) probes += 1;
    }
    assert.strictEqual(probes, limits.maxProbesAtOnce);
  });

  it("stays open twice as long each time that a probe fails, up to the bound", () => {
    const lasting: Array<number> = [];
    let { at, breaker } = opened();
    for (let round = 0; round < 5; round++) {
      if (breaker._tag !== "Open") throw new Error(breaker._tag);
      lasting.push(breaker.until - at);
      at = breaker.until;
      const probe = ask(breaker, limits, at);
      breaker = tell(probe.breaker, probe.permit!, "failed", limits, at);
    }
    assert.deepStrictEqual(lasting, [200, 400, 800, 1000, 1000]);
  });

  it("a probe that nobody heard of again has failed; one that was given up says nothing", () => {
    const { at, breaker } = opened();
    const probe = ask(breaker, limits, at + limits.openMillis);
    assert.isDefined(probe.permit);
    const from = at + limits.openMillis;
    assert.strictEqual(seen(probe.breaker, limits, from + limits.probeMillis - 1)._tag, "HalfOpen");
    assert.strictEqual(seen(probe.breaker, limits, from + limits.probeMillis)._tag, "Open");
    const abandoned = tell(probe.breaker, probe.permit, "abandoned", limits, from);
    assert.deepInclude(abandoned, { _tag: "HalfOpen", atOnce: 0, succeeded: 0 });
  });
});
