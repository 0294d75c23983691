/** Flags that mean the same thing in every command. */
import { string } from "@oclif/core/flags";
import { instanceName } from "./instance/Home.ts";

export const instanceFlag = string({
  char: "i",
  default: "default",
  description: "which copy of the shop: its own folder, secrets, databases and ports",
  parse: async (input) => instanceName(input),
});
