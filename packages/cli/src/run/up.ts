/** `destiny up`: in the foreground, or as a supervisor of its own that outlives the command. */
import { fork } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import { CliError, type CliErrorOptions } from "../CliError.ts";
import { instancePaths, repositoryRoot } from "../instance/Home.ts";
import type { StatusReport } from "../StatusReport.ts";
import { openLog } from "../supervisor/Logs.ts";
import { supervisorFlags } from "../supervisor/ServiceProcess.ts";
import * as Supervisor from "../supervisor/Supervisor.ts";
import { settingsFrom } from "../supervisor/Topology.ts";

export interface UpOptions {
  readonly instance: string;
  readonly single: boolean;
  readonly progress: (line: string) => void;
}

/** What the detached supervisor tells the command that started it, once. */
type Message = { readonly ready: StatusReport } | { readonly failed: CliErrorOptions };

const tell = (message: Message): void => {
  if (process.send === undefined) return;
  process.send(message, () => {
    if (process.connected) process.disconnect();
  });
};

/** Runs until a stop is asked for, or until the command is interrupted. */
export const upAttached = (
  options: UpOptions,
  onReady: (report: StatusReport) => void,
): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    const supervisor = yield* Supervisor.start({
      instance: options.instance,
      single: options.single,
      settings: settingsFrom(process.env),
      onProgress: options.progress,
    });
    const report = yield* supervisor.status;
    onReady(report);
    tell({ ready: report });
    yield* supervisor.stopRequested;
    options.progress("stop requested");
  }).pipe(
    Effect.scoped,
    Effect.tapError((error) =>
      Effect.sync(() => {
        const { exit, code, message, next, details } = error;
        tell({ failed: { exit, code, message, next, details } });
      }),
    ),
  );

const isMessage = (value: unknown): value is Message =>
  typeof value === "object" && value !== null && ("ready" in value || "failed" in value);

export const upDetached = (options: UpOptions): Effect.Effect<StatusReport, CliError> =>
  Effect.callback<StatusReport, CliError>((resume) => {
    const paths = instancePaths(options.instance);
    const log = openLog(paths.logs, "supervisor");
    options.progress(`starting ${options.instance} (log: ${path.relative(process.cwd(), paths.logs)}/supervisor.log)`);
    const child = fork(
      path.join(repositoryRoot, "packages/cli/bin/destiny.ts"),
      ["up", "--instance", options.instance, ...(options.single ? ["--single"] : [])],
      {
        cwd: repositoryRoot,
        detached: true,
        stdio: ["ignore", log, log, "ipc"],
        execArgv: [...supervisorFlags],
      },
    );
    fs.closeSync(log);
    let answered = false;
    const answer = (effect: Effect.Effect<StatusReport, CliError>): void => {
      if (answered) return;
      answered = true;
      if (child.connected) child.disconnect();
      child.unref();
      resume(effect);
    };
    const died = (why: string): void =>
      answer(
        Effect.fail(
          new CliError({
            exit: "unexpected",
            code: "SUPERVISOR_DIED",
            message: `the supervisor ended before it was ready: ${why}`,
            next: [`destiny logs supervisor --instance ${options.instance}`],
          }),
        ),
      );
    child.on("message", (message: unknown) => {
      if (!isMessage(message)) return;
      answer("ready" in message ? Effect.succeed(message.ready) : Effect.fail(new CliError(message.failed)));
    });
    child.once("error", (error) => died(error.message));
    child.once("exit", (code, signal) => died(signal === null ? `exit code ${code ?? "unknown"}` : signal));
    // Interrupted while waiting: a start that nobody waits for is taken back.
    return Effect.sync(() => {
      if (!answered) child.kill("SIGTERM");
    });
  });
