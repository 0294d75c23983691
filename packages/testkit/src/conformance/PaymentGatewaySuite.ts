/**
 * What every payment gateway's adapter has to make of what networks and vendors do: the truth table of failing over.
 *
 *     PaymentGatewaySuite.suite("Toss", { layer, adapter, simulator, authorise, … });
 *
 * The rule behind all rows: another gateway may only be tried when this one certainly took nothing. So `NotSent` and
 * `Declined` are wrong whenever the gateway has captured, `Unknown` never is, and the inquiry finds the money afterwards.
 *
 * Runs in real time against a simulator over sockets; an adapter should be given a time-out of a few hundred milliseconds.
 */
import type { PaymentGateway } from "@destiny/sdk/payment";
import { assert, describe, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import type { Capture } from "../simulators/Captures.ts";
import type { Faults } from "../simulators/Faults.ts";

type Gateway = PaymentGateway.PaymentGateway;
type Confirmed = PaymentGateway.ConfirmOutcome;
type Inquired = PaymentGateway.InquiryOutcome;
type Cancelled = PaymentGateway.CancelOutcome;

interface Simulator {
  readonly port: number;
  readonly faults: Faults;
  readonly captures: () => ReadonlyArray<Capture>;
}

/** An adapter, the simulator that it talks to, and the vendor's words for what the table needs. */
export interface Subject<R, E> {
  readonly layer: Layer.Layer<R, E>;
  readonly simulator: Effect.Effect<Simulator, never, R>;
  /** An adapter of the simulator, unless told otherwise. */
  readonly adapter: (options?: {
    readonly baseUrl?: string;
    readonly secret?: string;
  }) => Effect.Effect<Gateway, never, R>;
  /** The buyer authenticates; answers the payment key. */
  readonly authorise: (vendorOrderId: string, amount: number) => Effect.Effect<string, never, R>;
  /** A well-formed payment key of an order that the vendor does not know. */
  readonly unknownKey: (vendorOrderId: string) => string;
  /** Longer than the adapter waits. */
  readonly tooLateMillis: number;
  readonly codes: {
    readonly confirm: Readonly<Record<"hard" | "soft" | "configuration" | "trouble", ReadonlyArray<string>>>;
    readonly cancel: Readonly<Record<"refused" | "configuration" | "trouble", ReadonlyArray<string>>>;
  };
}

const amount = 15_000;

interface Row {
  readonly name: string;
  readonly rule: Readonly<Record<string, unknown>>;
  /** Fields that the outcome has to have. */
  readonly outcome: Readonly<Record<string, unknown>>;
  /** What an inquiry says once the fault is over. */
  readonly inquiry: Inquired["_tag"];
  readonly captures: 0 | 1;
}

const unanswered = { _tag: "Unknown", answered: false } as const;
const troubled = { _tag: "Unknown", answered: true, technical: true } as const;

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

/** Whatever hits an inquiry, it says nothing about the payment. */
const inquiryFaults = [
  { kind: "reset" },
  { kind: "hang" },
  { kind: "approveThenReset" },
  { kind: "approveThenHang" },
  { kind: "unavailable", status: 503 },
  { kind: "tooManyRequests", retryAfterSeconds: 1 },
  { kind: "error", code: "SOMETHING_NEW" },
] as const;

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

let serial = 0;

export const suite = <R, E>(name: string, subject: Subject<R, E>): void => {
  /** A buyer who has authenticated, and what the vendor knows about the money. */
  const buyer = Effect.gen(function* () {
    const vendorOrderId = `order-${String(++serial).padStart(6, "0")}`;
    const simulator = yield* subject.simulator;
    const gateway = yield* subject.adapter();
    const paymentKey = yield* subject.authorise(vendorOrderId, amount);
    const request = { paymentKey, vendorOrderId, amount, idempotencyKey: `confirm:${vendorOrderId}:1` };
    const entries = () => simulator.captures().filter(({ orderId }) => orderId === vendorOrderId);
    return {
      gateway,
      request,
      simulator,
      /** How often money was taken. */
      captures: () => entries().filter(({ kind }) => kind === "captured").length,
      /** Captured less canceled. */
      net: () => entries().reduce((sum, entry) => sum + (entry.kind === "captured" ? 1 : -1) * entry.amount, 0),
      faults: (...rules: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
        Effect.sync(() => assert.strictEqual(simulator.faults.put({ rules })._tag, "Success")),
      cancel: (no: number): Effect.Effect<Cancelled> =>
        gateway.cancel({ paymentKey, amount, reason: "the suite", idempotencyKey: `return:${vendorOrderId}:${no}` }),
    };
  });

  const paid = Effect.tap(buyer, ({ gateway, request }) => gateway.confirm(request));

  /** The one thing that may never happen: money that we say was not taken. */
  const assertSound = (outcome: Confirmed, captures: number) => {
    if (outcome._tag === "Approved") assert.strictEqual(captures, 1);
    if (outcome._tag === "Declined" || outcome._tag === "NotSent") assert.strictEqual(captures, 0);
  };

  describe(`${name}: the truth table`, () => {
    layer(subject.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
      it.effect("confirm: no fault is approved over exactly the amount, once, and the inquiry says the same", () =>
        Effect.gen(function* () {
          const { captures, gateway, net, request } = yield* buyer;
          assert.deepStrictEqual(yield* gateway.inquire(request), { _tag: "Pending" });
          const outcome = yield* gateway.confirm(request);
          assert.deepInclude(outcome, { _tag: "Approved", amount });
          const seen = yield* gateway.inquire(request);
          assert.deepInclude(seen, { _tag: "Approved", amount });
          if (outcome._tag === "Approved" && seen._tag === "Approved") {
            assert.strictEqual(seen.approvedAt, outcome.approvedAt);
          }
          assert.deepStrictEqual([captures(), net()], [1, amount]);
        }),
      );

      for (const row of confirmRows(subject)) {
        it.effect(`confirm: a gateway that is ${row.name} -> ${JSON.stringify(row.outcome)}`, () =>
          Effect.gen(function* () {
            const { captures, faults, gateway, request } = yield* buyer;
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

      it.effect("confirm: repeated under its key, it captures once and ends approved", () =>
        Effect.gen(function* () {
          const { captures, gateway, request } = yield* buyer;
          const both = yield* Effect.all([gateway.confirm(request), gateway.confirm(request)], { concurrency: 2 });
          for (const { _tag } of both) assert.include(["Approved", "Unknown"], _tag);
          assert.strictEqual((yield* gateway.confirm(request))._tag, "Approved");
          assert.strictEqual(captures(), 1);
        }),
      );

      it.effect("confirm: repeated under another key, it captures once and is never said to have failed", () =>
        Effect.gen(function* () {
          const { captures, gateway, request } = yield* paid;
          const again = yield* gateway.confirm({ ...request, idempotencyKey: `${request.idempotencyKey}:1` });
          assert.include(["Approved", "Unknown"], again._tag);
          assert.strictEqual(captures(), 1);
        }),
      );

      it.effect("confirm: after an answer got lost, the same key ends approved and captures once", () =>
        Effect.gen(function* () {
          const { captures, faults, gateway, request } = yield* buyer;
          yield* faults({ kind: "approveThenReset", operations: ["confirm"], count: 1 });
          assert.deepInclude(yield* gateway.confirm(request), unanswered);
          assert.deepInclude(yield* gateway.confirm(request), { _tag: "Approved", amount });
          assert.strictEqual(captures(), 1);
        }),
      );

      for (const [what, change] of [
        ["another amount", { amount: amount + 1 }],
        ["another order", { vendorOrderId: "order-of-somebody-else" }],
      ] as const) {
        it.effect(`confirm: ${what} than the buyer authorised is declined before any money moves`, () =>
          Effect.gen(function* () {
            const { captures, gateway, request } = yield* buyer;
            assert.deepInclude(yield* gateway.confirm({ ...request, ...change }), { _tag: "Declined", kind: "hard" });
            assert.strictEqual(captures(), 0);
          }),
        );
      }

      it.effect("confirm: a payment that the gateway does not know is declined, and not found by an inquiry", () =>
        Effect.gen(function* () {
          const { gateway, request } = yield* buyer;
          const paymentKey = subject.unknownKey(request.vendorOrderId);
          assert.deepInclude(yield* gateway.confirm({ ...request, paymentKey }), { _tag: "Declined", kind: "hard" });
          assert.deepStrictEqual(yield* gateway.inquire({ ...request, paymentKey }), { _tag: "NotFound" });
        }),
      );

      it.effect("confirm: a refused connection, a name without address and a server without TLS were never sent", () =>
        Effect.gen(function* () {
          const { captures, request, simulator } = yield* buyer;
          const reasonAt = (baseUrl: string) =>
            Effect.map(
              Effect.flatMap(subject.adapter({ baseUrl }), (gateway) => gateway.confirm(request)),
              (outcome) => (outcome._tag === "NotSent" ? outcome.reason : outcome._tag),
            );
          assert.strictEqual(yield* reasonAt("http://127.0.0.1:1"), "connect");
          assert.strictEqual(yield* reasonAt("http://no-such-host.invalid"), "dns");
          assert.strictEqual(yield* reasonAt(`https://127.0.0.1:${simulator.port}`), "tls");
          assert.strictEqual(captures(), 0);
        }),
      );

      it.effect("confirm: a wrong secret is our fault: not sent, and not the buyer's", () =>
        Effect.gen(function* () {
          const { captures, request } = yield* buyer;
          const gateway = yield* subject.adapter({ secret: "somebody-elses" });
          assert.deepStrictEqual(yield* gateway.confirm(request), { _tag: "NotSent", reason: "configuration" });
          assert.strictEqual(captures(), 0);
        }),
      );

      it.effect("confirm: in an outage it is not sent once the open connections are gone, and unknown until then", () =>
        Effect.gen(function* () {
          const { captures, faults, gateway, request } = yield* buyer;
          yield* faults({ kind: "outage", durationMillis: 3_600_000 });
          const outcomes: Array<Confirmed> = [];
          while (outcomes.at(-1)?._tag !== "NotSent" && outcomes.length < 20) {
            outcomes.push(yield* gateway.confirm(request));
          }
          assert.strictEqual((yield* gateway.inquire(request))._tag, "Unknown");
          yield* faults();
          assert.strictEqual(outcomes.at(-1)?._tag, "NotSent");
          assert.strictEqual(captures(), outcomes.some(({ _tag }) => _tag === "Approved") ? 1 : 0);
        }),
      );

      it.effect("approves and hangs, inquiry included: nothing is claimed until it speaks again", () =>
        Effect.gen(function* () {
          const { captures, faults, gateway, request } = yield* buyer;
          yield* faults({ kind: "approveThenHang", operations: ["confirm", "inquire"] });
          const outcome = yield* gateway.confirm(request);
          assertSound(outcome, captures());
          assert.strictEqual((yield* gateway.inquire(request))._tag, "Unknown");
          yield* faults();
          const seen = yield* gateway.inquire(request);
          assert.strictEqual(seen._tag, captures() === 1 ? "Approved" : "Pending");
        }),
      );

      for (const rule of inquiryFaults) {
        it.effect(`inquire: ${JSON.stringify(rule)} -> Unknown`, () =>
          Effect.gen(function* () {
            const { faults, gateway, request } = yield* paid;
            yield* faults({ ...rule, operations: ["inquire"], count: 1 });
            assert.strictEqual((yield* gateway.inquire(request))._tag, "Unknown");
            assert.strictEqual((yield* gateway.inquire(request))._tag, "Approved");
          }),
        );
      }

      it.effect("inquire: a payment of another order can never pay for this one", () =>
        Effect.gen(function* () {
          const { gateway, request } = yield* paid;
          const outcome = yield* gateway.inquire({ ...request, vendorOrderId: "order-mine" });
          assert.deepInclude(outcome, { _tag: "Declined", code: "OTHER_ORDER" });
        }),
      );

      it.effect("cancel: no fault gives all back once; the same key again says so; another finds nothing left", () =>
        Effect.gen(function* () {
          const { cancel, gateway, net, request } = yield* paid;
          assert.deepStrictEqual(yield* cancel(1), { _tag: "Cancelled", amount });
          assert.deepStrictEqual(yield* cancel(1), { _tag: "Cancelled", amount });
          assert.deepStrictEqual(yield* cancel(2), { _tag: "AlreadyCancelled" });
          assert.strictEqual(net(), 0);
          assert.strictEqual((yield* gateway.inquire(request))._tag, "Declined");
        }),
      );

      it.effect("cancel: what was never paid is refused", () =>
        Effect.gen(function* () {
          const { cancel } = yield* buyer;
          assert.strictEqual((yield* cancel(1))._tag, "Refused");
        }),
      );

      for (const row of cancelRows(subject)) {
        it.effect(`cancel: a gateway that is ${row.name} -> ${JSON.stringify(row.outcome)}`, () =>
          Effect.gen(function* () {
            const { cancel, faults, net } = yield* paid;
            yield* faults({ ...row.rule, operations: ["cancel"], count: 1 });
            assert.deepInclude(yield* cancel(1), row.outcome);
            assert.strictEqual(net(), row.acted ? 0 : amount);
            // Asked again under a new key, everything is back, once.
            assert.strictEqual((yield* cancel(2))._tag, row.acted ? "AlreadyCancelled" : "Cancelled");
            assert.strictEqual(net(), 0);
          }),
        );
      }
    });
  });
};
