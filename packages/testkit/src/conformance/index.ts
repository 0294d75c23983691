export * as EventBusSuite from "./EventBusSuite.ts";
export * as MachineStoreSuite from "./MachineStoreSuite.ts";
