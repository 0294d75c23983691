/** Flags that mean the same thing in every command. */
import { string as argument } from "@oclif/core/args";
import { boolean, integer, string } from "@oclif/core/flags";
import { instanceName } from "./instance/Home.ts";

export const instanceFlag = string({
  char: "i",
  default: "default",
  description: "which copy of the shop: its own folder, secrets, databases and ports",
  parse: async (input) => instanceName(input),
});

export const yesFlag = boolean({
  char: "y",
  description: "do it without being asked; needed where nobody can be asked",
});

export const seedFlag = integer({
  default: 42,
  min: 0,
  description: "the same seed gives the same shop and the same load",
});

/** Overrides of a scenario's defaults. */
export const loadFlags = {
  peak: integer({ min: 1, max: 10_000, description: "orders per second at the peak" }),
  duration: integer({ min: 1, max: 3600, description: "seconds at the peak" }),
  seed: seedFlag,
  "timing-gates": boolean({
    allowNo: true,
    description: "fail when a timing is over its limit; with CI=true timings are only reported unless this is set",
  }),
};

export const timingsOf = (gates: boolean | undefined): "gate" | "report" =>
  (gates ?? process.env["CI"] !== "true") ? "gate" : "report";

/** Which dead letter is meant: a message may be one of several services'. */
export const letterArgs = {
  service: argument({ required: true, description: "who could not apply it" }),
  id: argument({ required: true, description: "the message's id, as `dlq list` shows it" }),
};

/** Which saga is meant. */
export const sagaArg = argument({
  required: true,
  description: "its id as `saga list` shows it, or its order when that has one saga, or one that is stuck",
});
