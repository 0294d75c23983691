export * as Bulk from "./Bulk.ts";
export * as Migrations from "./Migrations.ts";
export * as Partitions from "./Partitions.ts";
export * as SqlState from "./SqlState.ts";
