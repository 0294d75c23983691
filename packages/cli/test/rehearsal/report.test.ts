import { stripVTControlCharacters } from "node:util";
import { assert, describe, it } from "@effect/vitest";
import { assemble, exitCode, type Pieces } from "../../src/run/Report.ts";
import { render } from "../../src/run/Verdict.ts";
import blackFriday from "../../../../scenarios/black-friday.ts";
import { pieces, summary, zeroAt } from "../fixtures/pieces.ts";

const judged = (change: Partial<Pieces>) => {
  const report = assemble({ ...pieces, ...change });
  return { report, verdict: report.verdict, code: exitCode(report) };
};

/** Where colours are forced, as in CI, the words are the same. */
const plain = (report: ReturnType<typeof assemble>) => stripVTControlCharacters(render(report));

describe("the report of a run", () => {
  it("of a run in which everything held is PASS and exit code 0", () => {
    const { code, report } = judged({});
    assert.strictEqual(report.verdict, "PASS");
    assert.strictEqual(code, 0);
    assert.deepStrictEqual(report.remarks, []);
    assert.strictEqual(report.drainedMs, 6500);
    assert.deepStrictEqual(report.restarts, [{ service: "stock", recoveredMs: 1000 }]);
  });

  it("keeps both equations of the shoppers' counts", () => {
    const { dropped, orders } = assemble(pieces);
    assert.strictEqual(orders.offered, orders.placed + orders.refused + dropped);
    const { cancelled, completed, failed, open, soldOut, unpaid } = orders;
    assert.strictEqual(orders.placed, completed + soldOut + unpaid + cancelled + failed + open);
  });

  it("excuses slow answers while the killed service is away, and only then", () => {
    const limit = (change: Partial<Pieces>) =>
      judged(change).report.thresholds.find(({ name }) => name.startsWith("p99 POST /v1/orders"));
    assert.isTrue(limit({})?.ok);
    const elsewhere = [
      { kind: "kill" as const, target: "stock", injectedAt: zeroAt + 8000, recoveredMs: 1000, settleSeconds: 0 },
    ];
    assert.deepInclude(limit({ faults: elsewhere }), { ok: false, value: 900 });
  });

  it("is FAIL and exit code 5 when an invariant is violated or proved nothing", () => {
    const violated = { id: "I1" as const, ok: false, checked: 9, violations: [{ id: "sku 1", what: "oversold by 1" }] };
    for (const invariants of [[violated], [{ ...violated, ok: true, checked: 0, violations: [] }], []]) {
      const { code, verdict } = judged({ audited: { ...pieces.audited, invariants } });
      assert.strictEqual(verdict, "FAIL");
      assert.strictEqual(code, 5);
    }
  });

  it("of black-friday is no PASS without one of the invariants that it puts to the test", () => {
    const scenario = { ...pieces.scenario, proves: blackFriday.proves ?? [] };
    const all = scenario.proves.map((id) => ({ id, ok: true, checked: 1, violations: [] }));
    assert.lengthOf(all, 11);
    const without = (left: string) => ({ ...pieces.audited, invariants: all.filter(({ id }) => id !== left) });
    assert.strictEqual(judged({ scenario, audited: without("none") }).verdict, "PASS");
    for (const { id } of all) {
      const { code, report, verdict } = judged({ scenario, audited: without(id) });
      assert.deepStrictEqual([verdict, code], ["FAIL", 5]);
      const ids = report.invariants.map((one) => one.id);
      assert.deepStrictEqual(ids, [...scenario.proves]);
      assert.include(plain(report), `${id} proved nothing`);
    }
  });

  it("is FAIL and exit code 5 when a threshold is missed", () => {
    const { code, verdict } = judged({ summary: { ...summary, dropped: 6 } });
    assert.strictEqual(verdict, "FAIL");
    assert.strictEqual(code, 5);
  });

  it("says when the load process was too late for its own arrivals, which is no fault of the shop", () => {
    assert.deepStrictEqual(judged({}).report.remarks, []);
    const { report } = judged({ summary: { ...summary, droppedBecause: { busy: 0, late: 9, interrupted: 0 } } });
    assert.match(report.remarks.join(), /^9 arrivals .* too late/);
  });

  it("is FAIL when a fault did not recover or was never injected, and never invents a recovery time", () => {
    const faults = [
      { kind: "kill" as const, target: "stock", injectedAt: zeroAt + 4000, recoveredMs: null, settleSeconds: 0 },
    ];
    for (const carriedOut of [faults, []]) {
      const { report } = judged({ faults: carriedOut });
      assert.strictEqual(report.verdict, "FAIL");
      assert.deepStrictEqual(report.restarts, []);
    }
    assert.include(judged({ faults }).report.remarks, "stock never recovered");
  });

  it("a gateway's trouble is a fault to carry out, but no restart", () => {
    const trouble = {
      kind: "gateway" as const,
      gateway: "TOSSPAYMENTS",
      rules: [{ kind: "hang" }],
      seconds: 1,
      at: 0.5,
    };
    const scenario = { ...pieces.scenario, faults: [...pieces.scenario.faults, trouble] };
    const carriedOut = { kind: "gateway" as const, target: "TOSSPAYMENTS", injectedAt: zeroAt, settleSeconds: 0 };
    const { report } = judged({ scenario, faults: [...pieces.faults, { ...carriedOut, recoveredMs: 1000 }] });
    assert.strictEqual(report.verdict, "PASS");
    assert.deepStrictEqual(report.restarts, [{ service: "stock", recoveredMs: 1000 }]);
    assert.strictEqual(judged({ scenario }).verdict, "FAIL");
    const failed = judged({ scenario, faults: [...pieces.faults, { ...carriedOut, recoveredMs: null }] });
    assert.strictEqual(failed.verdict, "FAIL");
    assert.include(failed.report.remarks, "TOSSPAYMENTS never recovered");
  });

  it("is FAIL and exit code 4 when the shop never came to rest, and says what moved", () => {
    const audited = { ...pieces.audited, quiescent: false, quietAfterMillis: null, moving: ["saga: 1 under way"] };
    const { code, report } = judged({ audited });
    assert.strictEqual(report.drainedMs, null);
    assert.strictEqual(code, 4);
    assert.include(report.remarks.join("\n"), "saga: 1 under way");
  });

  it("is FAIL on a database that may forget what it committed", () => {
    for (const durability of [
      { fsync: "off", synchronousCommit: "on" },
      { fsync: "on", synchronousCommit: "off" },
    ]) {
      const { report } = judged({ durability });
      assert.strictEqual(report.verdict, "FAIL");
      assert.match(report.remarks.join("\n"), /may forget/);
    }
  });
});

describe("the report for people", () => {
  it("shows every figure that the verdict rests on", () => {
    const text = plain(assemble(pieces));
    for (const part of [
      "100 offered, 97 placed, 2 refused, 1 dropped",
      "90 payable, 80 completed, 0 cancelled",
      "7 sold out, 10 unpaid, 0 failed, 0 open",
      "80 captured",
      "TOSSPAYMENTS 80",
      "stock: ready again after 1000 ms",
      "fsync on, synchronous_commit on",
      "I1",
    ])
      assert.include(text, part);
    assert.match(text, /^POST \/v1\/orders +99 +0 +10 +30 +46$/m);
    assert.match(text, /\nPASS$/);
  });

  it("of a version that did not tell the CPU of an order is shown without it", () => {
    const { cpuPerOrderMs: _unknown, ...old } = assemble(pieces);
    assert.notInclude(plain(old as ReturnType<typeof assemble>), "cpu ");
  });

  it("tells of coupons when some were asked for", () => {
    assert.notInclude(plain(assemble(pieces)), "coupons");
    const coupons = { offered: 12, issued: 2, soldOut: 8, duplicate: 2, refused: 0 };
    const text = plain(assemble({ ...pieces, summary: { ...summary, coupons } }));
    assert.include(text, "12 asked for, 2 issued, 8 sold out, 2 duplicate, 0 refused");
  });

  it("names what is wrong, at the end where it is read", () => {
    const invariants = [
      { id: "I1" as const, ok: false, checked: 9, violations: [{ id: "sku 1", what: "oversold by 1" }] },
    ];
    const unexpected = [{ route: "POST /v1/orders", status: 500, at: 1, shopper: 7, detail: "boom" }];
    const text = plain(
      assemble({ ...pieces, audited: { ...pieces.audited, invariants }, summary: { ...summary, unexpected } }),
    );
    assert.include(text, "I1 sku 1: oversold by 1");
    assert.match(text, /shopper 7: POST \/v1\/orders answered 500 boom\nFAIL$/);
    const proved = [{ id: "I2" as const, ok: true, checked: 0, violations: [] }];
    const nothing = plain(assemble({ ...pieces, audited: { ...pieces.audited, invariants: proved } }));
    assert.match(nothing, /\nI2 proved nothing: .*\nFAIL$/);
    const dropped = plain(assemble({ ...pieces, summary: { ...summary, dropped: 6 } }));
    assert.match(dropped, /\ndropped arrivals: 6 arrivals, limit 5 arrivals\nFAIL$/);
  });

  it("fits 80 columns, with the longest names that there are", () => {
    const invariants = Array.from({ length: 11 }, (_, i) => ({
      id: `I${i + 1}` as const,
      ok: true,
      checked: 100_000,
      violations: [],
    }));
    const thresholds = [{ metric: "payable", percentile: 95, max: 3000, outsideFaults: true } as const];
    const scenario = { ...pieces.scenario, thresholds: [...pieces.scenario.thresholds, ...thresholds] };
    const text = plain(assemble({ ...pieces, scenario, audited: { ...pieces.audited, invariants } }));
    for (const line of text.split("\n")) assert.isAtMost(line.length, 80, line);
  });
});
