export * as Supervisor from "./Supervisor.ts";
export * as Unit from "./Unit.ts";
