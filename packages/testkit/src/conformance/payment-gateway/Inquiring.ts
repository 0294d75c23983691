/** What an inquiry may claim. */
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { paid, type Subject } from "./Subject.ts";

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

export const inquiring = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  for (const rule of inquiryFaults) {
    it.effect(`inquire: ${JSON.stringify(rule)} -> Unknown`, () =>
      Effect.gen(function* () {
        const { faults, gateway, request } = yield* paid(subject);
        yield* faults({ ...rule, operations: ["inquire"], count: 1 });
        assert.strictEqual((yield* gateway.inquire(request))._tag, "Unknown");
        assert.strictEqual((yield* gateway.inquire(request))._tag, "Approved");
      }),
    );
  }

  it.effect("inquire: a payment of another order can never pay for this one", () =>
    Effect.gen(function* () {
      const { gateway, request } = yield* paid(subject);
      const outcome = yield* gateway.inquire({ ...request, vendorOrderId: "order-mine" });
      assert.deepInclude(outcome, { _tag: "Declined", code: "OTHER_ORDER" });
    }),
  );
};
