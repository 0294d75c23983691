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
import { describe, layer } from "@effect/vitest";
import { cancelling } from "./payment-gateway/Cancelling.ts";
import { confirmFaults } from "./payment-gateway/ConfirmFaults.ts";
import { confirming } from "./payment-gateway/Confirming.ts";
import { inquiring } from "./payment-gateway/Inquiring.ts";
import type { Subject } from "./payment-gateway/Subject.ts";

export type { Subject } from "./payment-gateway/Subject.ts";

export const suite = <R, E>(name: string, subject: Subject<R, E>): void => {
  describe(`${name}: the truth table`, () => {
    layer(subject.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
      confirming(it, subject);
      confirmFaults(it, subject);
      inquiring(it, subject);
      cancelling(it, subject);
    });
  });
};
