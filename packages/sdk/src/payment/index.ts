export * as PaymentGateway from "./PaymentGateway.ts";
export * as Toss from "./gateways/Toss.ts";
