/**
 * Runs a load job in a child process and gives back its summary.
 *
 * Guarantee: the child ends with the effect: interruption asks it to stop (it then writes what it has) and kills it after
 * `stopTimeoutMillis`; when this process dies, the child's lifeline breaks and it stops by itself.
 */
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as readline from "node:readline";
import { fileURLToPath } from "node:url";
import { files, Job, Progress, Summary } from "./Summary.ts";

export const stopTimeoutMillis = 10_000;
const maxStderrLength = 4_000;

export class LoadProcessError extends Schema.TaggedError<LoadProcessError>()("LoadProcessError", {
  message: Schema.String,
}) {}

/** Beside this module, as source or compiled. */
export const entry = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./load-main.ts" : "./load-main.js", import.meta.url),
);

const decodeProgress = Schema.decodeUnknownResult(Schema.fromJsonString(Progress));

export interface Options {
  readonly job: Job;
  /** Called for each line of progress, in order; must not throw. */
  readonly onProgress: (progress: Progress) => void;
  /** Flags for Node; default: those of this process. */
  readonly execArgv?: ReadonlyArray<string>;
}

const child = (jobFile: string, { onProgress, execArgv = process.execArgv }: Options) =>
  Effect.callback<void, LoadProcessError>((resume) => {
    const running = spawn(process.execPath, [...execArgv, entry, "--job", jobFile], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, DESTINY_LIFELINE: "stdin" },
    });
    let failure = "";
    let stderr = "";
    const ended = new Promise<void>((resolve) => running.once("close", () => resolve()));
    running.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-maxStderrLength);
    });
    running.stdin.on("error", () => undefined);
    readline.createInterface({ input: running.stdout }).on("line", (line) => {
      const decoded = decodeProgress(line);
      if (Result.isFailure(decoded)) return;
      if (decoded.success.type === "failed") failure = decoded.success.message;
      onProgress(decoded.success);
    });
    running.once("error", (error) => resume(Effect.fail(new LoadProcessError({ message: error.message }))));
    running.once("close", (code, signal) => {
      const message = failure || `the load process ended with ${signal ?? code}: ${stderr}`;
      resume(code === 0 ? Effect.void : Effect.fail(new LoadProcessError({ message })));
    });
    return Effect.promise(async () => {
      running.kill("SIGTERM");
      const timer = setTimeout(() => running.kill("SIGKILL"), stopTimeoutMillis);
      await ended;
      clearTimeout(timer);
    });
  });

const attempt = <A>(what: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => new LoadProcessError({ message: `${what}: ${String(cause)}` }) });

/** Writes the job to `job.json` in its folder (mode 0600, removed again: it holds passwords) and runs it. */
export const run = Effect.fn("LoadProcess.run")(function* (options: Options) {
  const { folder } = options.job;
  const jobFile = path.join(folder, "job.json");
  const text = JSON.stringify(options.job);
  yield* Effect.acquireUseRelease(
    attempt("writing the job", () => fs.writeFile(jobFile, text, { mode: 0o600 })),
    () => child(jobFile, options),
    () => Effect.promise(() => fs.rm(jobFile, { force: true })),
  );
  return yield* readSummary(folder);
});

/** What a run left in its folder. */
export const readSummary = Effect.fn("LoadProcess.readSummary")(function* (folder: string) {
  const text = yield* attempt("reading the summary", () => fs.readFile(path.join(folder, files.summary), "utf8"));
  return yield* Schema.decodeEffect(Schema.fromJsonString(Summary))(text).pipe(
    Effect.mapError((error) => new LoadProcessError({ message: `the summary is unreadable: ${error.message}` })),
  );
});
