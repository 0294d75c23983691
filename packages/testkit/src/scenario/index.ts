/**
 * The scenario engine: a seeded plan of arrivals, an open-model load in a process of its own, the shoppers' ledger, and
 * thresholds. Scenario files take their types from here with `import type`.
 */
export type * from "./Scenario.ts";
export * as Draw from "./Draw.ts";
export * as Ledger from "./Ledger.ts";
export * as Load from "./Load.ts";
export * as LoadProcess from "./LoadProcess.ts";
export * as Plan from "./Plan.ts";
export * as Samples from "./Samples.ts";
export * as Summary from "./Summary.ts";
export * as Tally from "./Tally.ts";
export * as Thresholds from "./Thresholds.ts";
