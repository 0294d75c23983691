export * as Consumer from "./Consumer.ts";
export * as DeadLetters from "./DeadLetters.ts";
export * as Inbox from "./Inbox.ts";
export * as Leadership from "./Leadership.ts";
export * as Outbox from "./Outbox.ts";
export * as OutboxAudit from "./OutboxAudit.ts";
export * as OutboxRelay from "./OutboxRelay.ts";
export * as Tables from "./Tables.ts";
