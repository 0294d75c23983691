/** Every command by id. Explicit, so that a bundle and the dead-code check see them. */
import type { Command } from "@oclif/core/command";
import Doctor from "./commands/doctor.ts";
import Down from "./commands/down.ts";
import Kill from "./commands/kill.ts";
import Logs from "./commands/logs.ts";
import Rehearse from "./commands/rehearse.ts";
import ScenarioList from "./commands/scenario/list.ts";
import ScenarioReport from "./commands/scenario/report.ts";
import ScenarioRun from "./commands/scenario/run.ts";
import Seed from "./commands/seed.ts";
import Status from "./commands/status.ts";
import Up from "./commands/up.ts";
import Verify from "./commands/verify.ts";

export const COMMANDS: Record<string, Command.Class> = {
  doctor: Doctor,
  down: Down,
  kill: Kill,
  logs: Logs,
  rehearse: Rehearse,
  "scenario:list": ScenarioList,
  "scenario:report": ScenarioReport,
  "scenario:run": ScenarioRun,
  seed: Seed,
  status: Status,
  up: Up,
  verify: Verify,
};
