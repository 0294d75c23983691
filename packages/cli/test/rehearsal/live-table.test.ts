import { assert, describe, it } from "@effect/vitest";
import type { Summary } from "@destiny/testkit/scenario";
import { stripVTControlCharacters } from "node:util";
import * as LiveTable from "../../src/run/LiveTable.ts";
import { summary } from "../fixtures/pieces.ts";
import { terminal as screenOf } from "../fixtures/terminal.ts";

type Second = Extract<Summary.Progress, { readonly type: "second" }>;

const at = (second: number): Second => ({
  type: "second",
  cpuSeconds: 1,
  second,
  orders: summary.orders,
  dropped: 1,
  unexpected: 0,
  inFlight: 12,
  orderP95Ms: 30.2,
  payableP95Ms: 0,
});

/** A table on a terminal of fixed width. */
const terminal = (columns: number, isTTY: boolean) => {
  const { out, screen, writes } = screenOf(columns, isTTY);
  return { screen, writes, table: LiveTable.make(out, (line) => out.write(`${line}\n`)) };
};

describe("the live table", () => {
  it("looks like this on 80 columns", () => {
    const { screen, table } = terminal(80, true);
    table.show({ type: "started", at: 0, lengthMillis: 20_000, arrivals: 100 });
    table.note("kill -9 stock");
    table.show(at(10));
    assert.deepStrictEqual(screen, [
      "100 arrivals in 20 s",
      `  10 s ${"█".repeat(29)}${"░".repeat(28)}   12 in flight`,
      "  offered    placed   payable completed cancelled  sold out    unpaid      open",
      "      100        97        90        80         0         7        10         0",
      "  POST /v1/orders p95 30 ms   payable p95 -",
      "  1 arrivals dropped",
      "kill -9 stock",
    ]);
  });

  it("is redrawn in place, with other lines above it", () => {
    const { screen, table } = terminal(80, true);
    table.show(at(1));
    table.log("stock: restarting");
    table.show(at(2));
    assert.strictEqual(screen.length, 6);
    assert.strictEqual(screen[0], "stock: restarting");
    assert.match(screen[1] ?? "", /^ {3}2 s /);
    table.end();
    table.log("auditing");
    assert.strictEqual(screen.at(-1), "auditing");
    assert.strictEqual(screen.length, 7);
  });

  it("does not flicker: a redraw is one write that clears nothing before it is written over", () => {
    const { screen, table, writes } = terminal(80, true);
    table.show({ ...at(1), dropped: 0 });
    table.show(at(2));
    assert.strictEqual(writes.length, 2);
    assert.strictEqual(screen.length, 5);
    assert.isFalse(writes.some((text) => text.slice(0, -1).includes("\u001B[J")));
    table.show({ ...at(3), dropped: 0 });
    assert.strictEqual(screen.length, 4, "a row that is gone leaves nothing behind");
  });

  it("never wraps, however narrow the terminal", () => {
    for (const width of [24, 40, 60, 80, 200]) {
      const lines = LiveTable.rows(at(1), 20, ["a note ".repeat(50)], width).map(stripVTControlCharacters);
      for (const line of lines) assert.isBelow(line.length, width, `${width}: ${line}`);
    }
  });

  it("is a plain line every five seconds where there is no terminal", () => {
    const { screen, table } = terminal(80, false);
    for (let second = 1; second <= 10; second++) table.show(at(second));
    assert.strictEqual(screen.length, 2);
    assert.match(
      screen[0] ?? "",
      /^5 s: offered 100, placed 97, .*orders p95 30 ms, payable p95 -, 1 arrivals dropped$/,
    );
  });
});
