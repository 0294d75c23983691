import { Samples, Summary, Thresholds } from "@destiny/testkit/scenario";
import type { Threshold } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";

const route = "POST /v1/orders";

const summaryOf = (changes: Partial<Summary.Summary> = {}): Summary.Summary => ({
  ...Summary.nothing,
  orders: { ...Summary.nothing.orders, offered: 10, placed: 8, refused: 1, payable: 8, completed: 7, unpaid: 1 },
  dropped: 1,
  droppedBecause: { busy: 1, late: 0, interrupted: 0 },
  http: { [route]: { count: 100, unexpected: 2, p50Ms: 1, p95Ms: 2, p99Ms: 3 } },
  ...changes,
});

/** One sample of 10 ms a second for 100 seconds, and 5 s ones from second 40 to 44. */
const samples = (() => {
  const recorder = Samples.recorder(1_000_000);
  for (let second = 0; second < 100; second++) {
    const from = 1_000_000 + second * 1_000;
    recorder.record(route, from, from + (second >= 40 && second < 45 ? 5_000 : 10));
  }
  return recorder.samples();
})();

const fault = (recoveredAt: number | undefined): Thresholds.Injected => ({
  kind: "kill",
  injectedAt: 1_040_000,
  recoveredAt,
  settleSeconds: 2,
});

const kill = { kind: "kill", service: "stock", at: 0.4 } as const;

const rowOf = (threshold: Threshold, evidence: Partial<Thresholds.Evidence>, timings: Thresholds.Timings = "gate") => {
  const [row] = Thresholds.evaluate(
    { thresholds: [threshold], faults: [kill] },
    { summary: summaryOf(), samples, faults: [fault(1_044_000)], ...evidence },
    timings,
  );
  assert.isDefined(row);
  return row;
};

describe("Thresholds", () => {
  it("a percentile outside faults leaves out exactly the samples that overlap a window", () => {
    const inside = { metric: "http", route, percentile: 99, max: 100 } as const;
    assert.deepInclude(rowOf(inside, {}), { ok: false, value: 5_000, limit: 100, unit: "ms" });
    assert.deepInclude(rowOf({ ...inside, outsideFaults: true }, {}), { ok: true, value: 10 });
    // Recovery at second 41, settled at 43: the sample that starts in second 44 stands alone.
    const early = { faults: [fault(1_041_000)] };
    assert.deepInclude(rowOf({ ...inside, outsideFaults: true }, early), { ok: false, value: 5_000 });
    assert.deepInclude(rowOf({ ...inside, outsideFaults: true, percentile: 50 }, early), { ok: true, value: 10 });
  });

  it("warm-up stages are left out together with the faults", () => {
    const summary = summaryOf({ warmUps: [{ from: 1_000_000, to: 1_050_000 }] });
    const threshold = { metric: "http", route, percentile: 99, max: 100, outsideFaults: true } as const;
    assert.deepInclude(rowOf(threshold, { summary, faults: [] }), { ok: true, value: 10 });
  });

  it("nothing passes for want of evidence", () => {
    const missing = rowOf({ metric: "payable", percentile: 95, max: 100 }, {});
    assert.deepInclude(missing, { ok: false, value: -1 });
    assert.deepInclude(rowOf({ metric: "recoverySeconds", max: 10 }, { faults: [] }), { ok: false, value: -1 });
    assert.deepInclude(rowOf({ metric: "recoverySeconds", max: 10 }, { faults: [fault(undefined)] }), {
      ok: false,
      value: -1,
    });
    const cut = Samples.recorder(0, 1);
    cut.record(route, 0, 1);
    cut.record(route, 0, 1);
    assert.isFalse(rowOf({ metric: "http", route, percentile: 50, max: 100 }, { samples: cut.samples() }).ok);
  });

  it("recovery is the slowest fault's, and a limit is kept when it is met exactly", () => {
    const faults = [fault(1_044_000), fault(1_050_000)];
    assert.deepInclude(rowOf({ metric: "recoverySeconds", max: 10 }, { faults }), { ok: true, value: 10, unit: "s" });
    assert.isFalse(rowOf({ metric: "recoverySeconds", max: 9.9 }, { faults }).ok);
  });

  it("a gateway's trouble excuses what overlaps it, but is nobody's recovery", () => {
    const trouble = { ...fault(1_044_000), kind: "gateway" as const };
    const faults = [trouble, { ...fault(1_003_000), injectedAt: 1_001_000 }];
    assert.deepInclude(rowOf({ metric: "recoverySeconds", max: 2 }, { faults }), { ok: true, value: 2 });
    assert.deepInclude(rowOf({ metric: "recoverySeconds", max: 9 }, { faults: [trouble] }), { ok: false, value: -1 });
    const threshold = { metric: "http", route, percentile: 99, max: 100, outsideFaults: true } as const;
    assert.isTrue(rowOf(threshold, { faults: [trouble] }).ok);
  });

  it("timings that are only reported fail nothing, but must have been measured; everything else gates as ever", () => {
    const slow = { metric: "http", route, percentile: 99, max: 100 } as const;
    const row = rowOf(slow, {}, "report");
    assert.deepInclude(row, { ok: true, value: 5_000, limit: 100 });
    assert.include(row.name, "reported only");
    assert.isFalse(rowOf({ metric: "payable", percentile: 95, max: 100 }, {}, "report").ok);
    assert.isFalse(rowOf({ metric: "recoverySeconds", max: 10 }, { faults: [fault(undefined)] }, "report").ok);
    assert.isTrue(rowOf({ metric: "recoverySeconds", max: 1 }, {}, "report").ok);
    assert.isFalse(rowOf({ metric: "dropped", max: 0 }, {}, "report").ok);
  });

  it("a status that a fault excuses is an error outside the fault's window", () => {
    const weather = [
      { route, status: 503, from: 1_041_000, to: 1_041_010 },
      { route, status: 0, from: 1_039_000, to: 1_040_001 },
      { route, status: 503, from: 1_047_000, to: 1_047_010 },
    ];
    const threshold = { metric: "unexpectedStatuses", max: 2 } as const;
    assert.deepInclude(rowOf(threshold, { summary: summaryOf({ weather }) }), { ok: false, value: 3 });
    assert.deepInclude(rowOf(threshold, { summary: summaryOf({ weather: weather.slice(0, 2) }) }), {
      ok: true,
      value: 2,
    });
    assert.strictEqual(Thresholds.http({ summary: summaryOf({ weather }), faults: [] })[route]?.errors, 5);
  });

  it("counts have upper and lower limits", () => {
    assert.deepInclude(rowOf({ metric: "dropped", max: 0 }, {}), { ok: false, value: 1 });
    assert.deepInclude(rowOf({ metric: "open", max: 0 }, {}), { ok: true, value: 0 });
    assert.isTrue(rowOf({ metric: "orders", count: "completed", min: 7 }, {}).ok);
    assert.isFalse(rowOf({ metric: "orders", count: "completed", min: 8 }, {}).ok);
    const coupons = { offered: 9, issued: 5, soldOut: 2, duplicate: 1, refused: 1 };
    const issued = (bound: { readonly min: number } | { readonly max: number }) =>
      rowOf({ metric: "coupons", count: "issued", ...bound }, { summary: summaryOf({ coupons }) });
    assert.deepInclude(issued({ max: 5 }), { ok: true, value: 5 });
    assert.isFalse(issued({ max: 4 }).ok);
    assert.isFalse(issued({ min: 6 }).ok);
    const reissued = { metric: "payments", count: "reissued", min: 1 } as const;
    const payments = { refunded: 0, reissued: 1, unknownResolved: 0, voidedLate: 0 };
    assert.isTrue(rowOf(reissued, { payments }).ok);
    assert.isFalse(rowOf({ ...reissued, min: 2 }, { payments }).ok);
    assert.deepInclude(rowOf({ ...reissued, min: 0 }, {}), { ok: false, value: -1 });
  });

  it("a journey that ended in an error fails every scenario", () => {
    const summary = summaryOf({ journeyFailures: { count: 1, examples: ["x"] } });
    const rows = Thresholds.evaluate({ thresholds: [], faults: [] }, { summary, samples, faults: [] }, "gate");
    assert.deepStrictEqual(
      rows.map(({ name, ok }) => [name, ok]),
      [["failed journeys", false]],
    );
  });

  it.effect("samples survive their file", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Samples.decode(Samples.encode(samples)), samples);
    }),
  );
});
