/** Money goes back once, whatever goes wrong: fault -> outcome. */
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { amount, buyer, paid, type Subject, troubled, unanswered } from "./Subject.ts";

interface CancelRow {
  readonly name: string;
  readonly rule: Readonly<Record<string, unknown>>;
  readonly outcome: Readonly<Record<string, unknown>>;
  /** Whether the money went back all the same. */
  readonly acted: boolean;
}

/** Fault -> outcome, of a cancel. */
const cancelRows = <R, E>({ codes }: Subject<R, E>): ReadonlyArray<CancelRow> => {
  const row = (name: string, rule: CancelRow["rule"], outcome: CancelRow["outcome"], acted = false): CancelRow => ({
    name,
    rule,
    outcome,
    acted,
  });
  return [
    row("lost before it acts", { kind: "reset" }, unanswered),
    row("silent, and does not act", { kind: "hang" }, unanswered),
    row("behind a proxy that answers 503", { kind: "unavailable", status: 503 }, unanswered),
    row("acts, and the connection is reset", { kind: "approveThenReset" }, unanswered, true),
    row("acts, and hangs", { kind: "approveThenHang" }, unanswered, true),
    row("turns away with 429", { kind: "tooManyRequests", retryAfterSeconds: 1 }, { _tag: "NotSent" }),
    row("says something that is in no table", { kind: "error", code: "SOMETHING_NEW" }, { _tag: "Unknown" }),
    ...codes.cancel.trouble.flatMap((code) => [
      row(`says ${code}`, { kind: "error", code }, troubled),
      row(`acts, and says ${code}`, { kind: "approveThenError", code }, troubled, true),
    ]),
    ...codes.cancel.configuration.map((code) =>
      row(`says ${code}`, { kind: "error", code }, { _tag: "NotSent", reason: "configuration" }),
    ),
    ...codes.cancel.refused.map((code) => row(`says ${code}`, { kind: "error", code }, { _tag: "Refused", code })),
  ];
};

export const cancelling = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("cancel: no fault gives all back once; the same key again says so; another finds nothing left", () =>
    Effect.gen(function* () {
      const { cancel, gateway, net, request } = yield* paid(subject);
      assert.deepStrictEqual(yield* cancel(1), { _tag: "Cancelled", amount });
      assert.deepStrictEqual(yield* cancel(1), { _tag: "Cancelled", amount });
      assert.deepStrictEqual(yield* cancel(2), { _tag: "AlreadyCancelled" });
      assert.strictEqual(net(), 0);
      assert.strictEqual((yield* gateway.inquire(request))._tag, "Declined");
    }),
  );

  it.effect("cancel: what was never paid is refused", () =>
    Effect.gen(function* () {
      const { cancel } = yield* buyer(subject);
      assert.strictEqual((yield* cancel(1))._tag, "Refused");
    }),
  );

  for (const row of cancelRows(subject)) {
    it.effect(`cancel: a gateway that is ${row.name} -> ${JSON.stringify(row.outcome)}`, () =>
      Effect.gen(function* () {
        const { cancel, faults, net } = yield* paid(subject);
        yield* faults({ ...row.rule, operations: ["cancel"], count: 1 });
        assert.deepInclude(yield* cancel(1), row.outcome);
        assert.strictEqual(net(), row.acted ? 0 : amount);
        // Asked again under a new key, everything is back, once.
        assert.strictEqual((yield* cancel(2))._tag, row.acted ? "AlreadyCancelled" : "Cancelled");
        assert.strictEqual(net(), 0);
      }),
    );
  }

  it.effect("cancel: a reason of any length and script is taken", () =>
    Effect.gen(function* () {
      const { cancel } = yield* paid(subject);
      assert.strictEqual(
        (yield* cancel(1, `${"x".repeat(199)}💸 마음이 바뀌었어요 ${"긴 이유 ".repeat(200)}`))._tag,
        "Cancelled",
      );
    }),
  );
};
