/** Every command by id. Explicit, so that a bundle and the dead-code check see them. */
import type { Command } from "@oclif/core/command";
import DlqDrop from "./commands/dlq/drop.ts";
import DlqList from "./commands/dlq/list.ts";
import DlqRetry from "./commands/dlq/retry.ts";
import DlqShow from "./commands/dlq/show.ts";
import Doctor from "./commands/doctor.ts";
import Down from "./commands/down.ts";
import Kill from "./commands/kill.ts";
import Logs from "./commands/logs.ts";
import Open from "./commands/open.ts";
import PgFault from "./commands/pg/fault.ts";
import PgRoute from "./commands/pg/route.ts";
import PgStatus from "./commands/pg/status.ts";
import Rehearse from "./commands/rehearse.ts";
import Restart from "./commands/restart.ts";
import SagaCompensate from "./commands/saga/compensate.ts";
import SagaList from "./commands/saga/list.ts";
import SagaRetry from "./commands/saga/retry.ts";
import SagaShow from "./commands/saga/show.ts";
import SagaSkip from "./commands/saga/skip.ts";
import ScenarioList from "./commands/scenario/list.ts";
import ScenarioReport from "./commands/scenario/report.ts";
import ScenarioRun from "./commands/scenario/run.ts";
import Seed from "./commands/seed.ts";
import Status from "./commands/status.ts";
import Up from "./commands/up.ts";
import Verify from "./commands/verify.ts";
import Wait from "./commands/wait.ts";

export const COMMANDS: Record<string, Command.Class> = {
  "dlq:drop": DlqDrop,
  "dlq:list": DlqList,
  "dlq:retry": DlqRetry,
  "dlq:show": DlqShow,
  doctor: Doctor,
  down: Down,
  kill: Kill,
  logs: Logs,
  open: Open,
  "pg:fault": PgFault,
  "pg:route": PgRoute,
  "pg:status": PgStatus,
  rehearse: Rehearse,
  restart: Restart,
  "saga:compensate": SagaCompensate,
  "saga:list": SagaList,
  "saga:retry": SagaRetry,
  "saga:show": SagaShow,
  "saga:skip": SagaSkip,
  "scenario:list": ScenarioList,
  "scenario:report": ScenarioReport,
  "scenario:run": ScenarioRun,
  seed: Seed,
  status: Status,
  up: Up,
  verify: Verify,
  wait: Wait,
};
