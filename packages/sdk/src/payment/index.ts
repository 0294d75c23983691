export * as PaymentAudit from "./PaymentAudit.ts";
export * as PaymentGateway from "./PaymentGateway.ts";
export * as PaymentMachine from "./PaymentMachine.ts";
export * as Payments from "./Payments.ts";
export * as PaymentStore from "./PaymentStore.ts";
export * as PaymentTables from "./PaymentTables.ts";
export * as Toss from "./gateways/Toss.ts";
