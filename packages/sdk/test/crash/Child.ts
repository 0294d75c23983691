/** A child process that a test kills; its scope kills it at the latest. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as Effect from "effect/Effect";

const file = fileURLToPath(new URL("pipeline.process.ts", import.meta.url));

export const start = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions=@destiny/source", file, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL")),
  );
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  return {
    /** Whether it said this line; dies when it ended by itself. */
    said: (line: string) =>
      Effect.suspend(() =>
        child.exitCode === null
          ? Effect.succeed(said.split("\n").includes(line))
          : Effect.die(new Error(`the child ended with ${child.exitCode}:\n${said}`)),
      ),
    /** `kill -9`, and the end of the process; answers the signal that ended it. */
    kill: Effect.promise(() => {
      child.kill("SIGKILL");
      return gone;
    }),
  };
});

/** Looks until it is so, with a bound. */
export const eventually = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>, withinMillis = 12_000) =>
  Effect.gen(function* () {
    while (!(yield* holds)) yield* Effect.sleep(20);
  }).pipe(
    Effect.timeoutOrElse({
      duration: withinMillis,
      orElse: () => Effect.die(new Error(`not within ${withinMillis} ms: ${what}`)),
    }),
  );
