/** Every command by id. Explicit, so that a bundle and the dead-code check see them. */
import type { Command } from "@oclif/core/command";
import Down from "./commands/down.ts";
import Kill from "./commands/kill.ts";
import Logs from "./commands/logs.ts";
import Status from "./commands/status.ts";
import Up from "./commands/up.ts";

export const COMMANDS: Record<string, Command.Class> = {
  down: Down,
  kill: Kill,
  logs: Logs,
  status: Status,
  up: Up,
};
