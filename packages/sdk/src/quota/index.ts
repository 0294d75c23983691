export * as QuotaAudit from "./QuotaAudit.ts";
export * as QuotaGate from "./QuotaGate.ts";
export * as QuotaMachine from "./QuotaMachine.ts";
export * as QuotaRows from "./QuotaRows.ts";
export * as QuotaStore from "./QuotaStore.ts";
export * as QuotaTables from "./QuotaTables.ts";
