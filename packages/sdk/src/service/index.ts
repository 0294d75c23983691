export * as Health from "./Health.ts";
export * as Lifeline from "./Lifeline.ts";
export * as Redaction from "./Redaction.ts";
export * as Service from "./Service.ts";
export * as Telemetry from "./Telemetry.ts";
