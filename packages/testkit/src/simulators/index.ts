export * as Captures from "./Captures.ts";
export * as Faults from "./Faults.ts";
export * as IdempotentAnswers from "./IdempotentAnswers.ts";
export * as SimulatorServer from "./SimulatorServer.ts";
export * as Toss from "./Toss.ts";
