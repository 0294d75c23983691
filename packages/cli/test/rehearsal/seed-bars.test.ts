import { assert, describe, it } from "@effect/vitest";
import { stripVTControlCharacters } from "node:util";
import * as SeedBars from "../../src/run/SeedBars.ts";
import { terminal as screenOf } from "../fixtures/terminal.ts";

const terminal = (columns: number, isTTY: boolean) => {
  const { out, screen } = screenOf(columns, isTTY);
  return { screen, bars: SeedBars.make(out, (line) => out.write(`${line}\n`)) };
};

describe("the bars of seeding", () => {
  it("are one for each kind, drawn over in place and left standing", () => {
    const { bars, screen } = terminal(50, true);
    bars.show({ kind: "brands", done: 5, total: 5 });
    for (const done of [0, 50, 100]) bars.show({ kind: "products", done: done * 1000, total: 100_000 });
    bars.end();
    assert.deepStrictEqual(screen, [
      `brands    ${"█".repeat(32)} 5 of 5`,
      `products  ${"█".repeat(20)} 100,000 of 100,000`,
    ]);
  });

  it("never wrap, however narrow the terminal", () => {
    for (const width of [32, 40, 80, 200]) {
      const line = SeedBars.row({ kind: "products", done: 98_000, total: 100_000 }, width);
      assert.isBelow(stripVTControlCharacters(line).length, width, line);
    }
  });

  it("are a line for each kind where there is no terminal, and one for every tenth of a long one", () => {
    const { bars, screen } = terminal(80, false);
    for (const done of [0, 5]) bars.show({ kind: "brands", done, total: 5 });
    for (let done = 0; done <= 100_000; done += 2000) bars.show({ kind: "products", done, total: 100_000 });
    assert.lengthOf(screen, 11);
    assert.deepStrictEqual(screen.slice(0, 2), ["brands: 5 of 5", "products: 10,000 of 100,000"]);
    assert.strictEqual(screen.at(-1), "products: 100,000 of 100,000");
  });
});
