export * as ReservationAudit from "./ReservationAudit.ts";
export * as ReservationMachine from "./ReservationMachine.ts";
export * as ReservationStore from "./ReservationStore.ts";
export * as ReservationTables from "./ReservationTables.ts";
