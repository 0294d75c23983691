import { assert, describe, it } from "@effect/vitest";
import * as Words from "../../src/notification/Words.ts";

const many = (count: number, text: string) =>
  Array.from({ length: count }, (_, index) => ({
    kind: index % 2 === 0 ? ("ORDER_COMPLETED" as const) : ("ORDER_FAILED" as const),
    text,
  }));

describe("words", () => {
  it("one notification is itself, many are counted, and none is longer than its bound", () => {
    assert.strictEqual(Words.digest(many(1, "alone")), "alone");
    assert.strictEqual(Words.digest(many(2, "x")), "*2 notifications*\n• x\n• x");
    for (const length of [1, 100, 3000, 5000]) {
      for (const count of [1, 2, 20, 21, 200]) {
        assert.isAtMost(Words.digest(many(count, "😀".repeat(length))).length, Words.maxTextLength);
      }
    }
  });

  it("what does not fit is counted by its kind", () => {
    assert.match(Words.digest(many(24, "x")), /… and 4 more: 2 ORDER_COMPLETED, 2 ORDER_FAILED$/);
  });

  it("what people typed is one line without a meaning to Slack", () => {
    assert.strictEqual(Words.quote(" a\n<!channel>\t&b "), "a &lt;!channel&gt; &amp;b");
    assert.isAtMost(Words.quote("x".repeat(10_000)).length, 300);
    assert.strictEqual(Words.masked("kim@shop.test"), "k***@shop.test");
  });
});
