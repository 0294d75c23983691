export * as Audit from "./Audit.ts";
export * as Database from "./Database.ts";
export * as Errors from "./Errors.ts";
export type { Decided } from "./Decide.ts";
export type { BatchReport, Delivery } from "./GroupCommit.ts";
export * as GroupCommit from "./GroupCommit.ts";
export * as Machine from "./Machine.ts";
export * as MachineStore from "./MachineStore.ts";
export * as Ports from "./Ports.ts";
