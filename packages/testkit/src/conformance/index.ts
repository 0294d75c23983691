export * as EventBusSuite from "./EventBusSuite.ts";
