/** What every scenario demands of a shop, however it is loaded. */
import type { Threshold } from "@destiny/testkit/scenario";

/** Every arrival started, every order ended, and nobody was told what the contract does not have. */
export const nothingLost: ReadonlyArray<Threshold> = [
  { metric: "dropped", max: 0 },
  { metric: "open", max: 0 },
  { metric: "unexpectedStatuses", max: 0 },
];
