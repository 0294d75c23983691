export * as EventBusSuite from "./EventBusSuite.ts";
export * as PaymentGatewaySuite from "./PaymentGatewaySuite.ts";
