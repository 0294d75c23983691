/** Payments, routes and gateways as the HTTP contract shows them. */
import type { GatewayHealth, GatewayRouter, PaymentMachine } from "@destiny/sdk/payment";
import { type Gateway, OrderId, type Payment, type PaymentRoute, UserId, Won } from "../contracts/index.ts";
import { providerName } from "./Messages.ts";

const statusOf: Readonly<Record<PaymentMachine.IntentStatus, Payment["status"]>> = {
  open: "OPEN",
  confirming: "CONFIRMING",
  captured: "CAPTURED",
  refunding: "CAPTURED",
  refunded: "REFUNDED",
  closed: "CLOSED",
};

export const shown = (intent: PaymentMachine.Intent): Payment => ({
  orderId: OrderId.make(intent.reference),
  userId: UserId.make(intent.owner),
  status: statusOf[intent.status],
  amount: Won.make(intent.amount),
  provider: providerName(intent.provider),
  vendorOrderId: intent.reference,
  until: intent.until,
  declined: intent.attempts.findLast(({ status }) => status === "declined")?.code ?? null,
});

export const routeShown = (intent: PaymentMachine.Intent): PaymentRoute => ({
  orderId: OrderId.make(intent.reference),
  status: statusOf[intent.status],
  provider: providerName(intent.provider),
  routes: intent.routes.map(({ at, explanation, provider, why }) => ({
    provider: providerName(provider),
    at,
    why,
    considered: (explanation?.considered ?? []).map((one) => ({ ...one, provider: providerName(one.provider) })),
  })),
  attempts: intent.attempts.map(
    ({ abandonedAt, code, nextActionAt, no, observedAt, provider, settledAt, startedAt, status }) => ({
      no,
      provider: providerName(provider),
      status,
      code,
      startedAt,
      abandonedAt,
      observedAt,
      settledAt,
      nextActionAt,
    }),
  ),
});

const breakerShown = (condition: GatewayHealth.Condition | undefined): Gateway["confirm"] =>
  condition === undefined ? null : { ...condition, until: condition.until ?? null };

export const gatewaysShown = (
  candidates: ReadonlyArray<GatewayRouter.Candidate>,
  health: GatewayHealth.Snapshot,
): ReadonlyArray<Gateway> =>
  candidates.map(({ provider, weight }) => ({
    provider: providerName(provider),
    weight,
    confirm: breakerShown(health[provider]?.confirm),
    inquire: breakerShown(health[provider]?.inquire),
    cancel: breakerShown(health[provider]?.cancel),
  }));
