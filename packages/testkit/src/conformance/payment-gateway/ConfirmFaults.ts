/** Whatever goes wrong while a gateway is asked for the money: fault -> outcome. */
import type { PaymentGateway } from "@destiny/sdk/payment";
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import { assertSound, buyer, type Subject, troubled, unanswered } from "./Subject.ts";

interface Row {
  readonly name: string;
  readonly rule: Readonly<Record<string, unknown>>;
  /** Fields that the outcome has to have. */
  readonly outcome: Readonly<Record<string, unknown>>;
  /** What an inquiry says once the fault is over. */
  readonly inquiry: PaymentGateway.InquiryOutcome["_tag"];
  readonly captures: 0 | 1;
}

/** Fault -> outcome, of a confirm. */
const confirmRows = <R, E>({ codes, tooLateMillis }: Subject<R, E>): ReadonlyArray<Row> => {
  const late = { kind: "latency", delay: { distribution: "fixed", millis: tooLateMillis } };
  const error = (code: string) => ({ kind: "error", code });
  return [
    { name: "lost before it acts", rule: { kind: "reset" }, outcome: unanswered, inquiry: "Pending", captures: 0 },
    { name: "silent, and does not act", rule: { kind: "hang" }, outcome: unanswered, inquiry: "Pending", captures: 0 },
    ...([500, 502, 503, 504] as const).map((status): Row => ({
      name: `behind a proxy that answers ${status}`,
      rule: { kind: "unavailable", status },
      outcome: unanswered,
      inquiry: "Pending",
      captures: 0,
    })),
    {
      name: "acts, and the connection is reset",
      rule: { kind: "approveThenReset" },
      outcome: unanswered,
      inquiry: "Approved",
      captures: 1,
    },
    {
      name: "acts, and hangs",
      rule: { kind: "approveThenHang" },
      outcome: unanswered,
      inquiry: "Approved",
      captures: 1,
    },
    {
      name: "acts, and answers too late",
      rule: { ...late, at: "after" },
      outcome: unanswered,
      inquiry: "Approved",
      captures: 1,
    },
    {
      name: "acts after we gave up",
      rule: { ...late, at: "before" },
      outcome: unanswered,
      inquiry: "Approved",
      captures: 1,
    },
    {
      name: "turns away with 429",
      rule: { kind: "tooManyRequests", retryAfterSeconds: 1 },
      outcome: { _tag: "NotSent", reason: "rate-limited" },
      inquiry: "Pending",
      captures: 0,
    },
    {
      name: "says something that is in no table",
      rule: error("SOMETHING_NEW"),
      outcome: { _tag: "Unknown", answered: true },
      inquiry: "Pending",
      captures: 0,
    },
    ...codes.confirm.trouble.flatMap((code): ReadonlyArray<Row> => [
      { name: `says ${code}`, rule: error(code), outcome: troubled, inquiry: "Pending", captures: 0 },
      {
        name: `acts, and says ${code}`,
        rule: { kind: "approveThenError", code },
        outcome: troubled,
        inquiry: "Approved",
        captures: 1,
      },
    ]),
    ...codes.confirm.configuration.map((code): Row => ({
      name: `says ${code}, which is our fault`,
      rule: error(code),
      outcome: { _tag: "NotSent", reason: "configuration" },
      inquiry: "Pending",
      captures: 0,
    })),
    ...codes.confirm.hard.map((code): Row => ({
      name: `says ${code}, for good`,
      rule: error(code),
      outcome: { _tag: "Declined", kind: "hard" },
      inquiry: "Pending",
      captures: 0,
    })),
    ...codes.confirm.soft.map((code): Row => ({
      name: `says ${code}, of the buyer's instrument`,
      rule: error(code),
      outcome: { _tag: "Declined", kind: "soft" },
      inquiry: "Declined",
      captures: 0,
    })),
  ];
};

export const confirmFaults = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  for (const row of confirmRows(subject)) {
    it.effect(`confirm: a gateway that is ${row.name} -> ${JSON.stringify(row.outcome)}`, () =>
      Effect.gen(function* () {
        const { captures, faults, gateway, request } = yield* buyer(subject);
        yield* faults({ ...row.rule, operations: ["confirm"], count: 1 });
        const outcome = yield* gateway.confirm(request);
        assert.deepInclude(outcome, row.outcome);
        const seen = yield* gateway.inquire(request).pipe(
          // A gateway that acts late does so behind our back.
          Effect.repeat({
            until: ({ _tag }) => _tag === row.inquiry,
            schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "5 seconds" })),
          }),
          Effect.andThen(gateway.inquire(request)),
        );
        assert.strictEqual(seen._tag, row.inquiry);
        assert.strictEqual(captures(), row.captures);
        assertSound(outcome, captures());
      }),
    );
  }
};
