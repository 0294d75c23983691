/**
 * `load-main.ts --job <file>`: runs one scenario's load in a process of its own, so that the generator's work and the
 * supervisor's do not slow each other.
 *
 * stdout carries one JSON `Progress` a line. SIGTERM, SIGINT and, with `DESTINY_LIFELINE=stdin`, the end of stdin stop
 * the run: what is known is written and marked interrupted. Exit code 0 when a summary was written, 1 otherwise, 2 for
 * wrong arguments.
 */
import * as Schema from "effect/Schema";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import * as Load from "./Load.ts";
import type { Scenario } from "./Scenario.ts";
import { files, Job } from "./Summary.ts";
import type { Progress } from "./Summary.ts";

const say = (progress: Progress) => process.stdout.write(`${JSON.stringify(progress)}\n`);

const scenarioAt = async (file: string): Promise<Scenario> => {
  const module = (await import(pathToFileURL(path.resolve(file)).href)) as { readonly default?: Scenario };
  if (module.default === undefined) throw new Error(`${file} has no default export`);
  return module.default;
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({ options: { job: { type: "string" } } });
  if (values.job === undefined) {
    say({ type: "failed", message: "usage: load-main --job <file>" });
    return 2;
  }
  let running: Load.Running | undefined;
  let stopAsked = false;
  const stop = () => {
    stopAsked = true;
    running?.stop();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  if (process.env["DESTINY_LIFELINE"] === "stdin") {
    process.stdin.on("end", stop).on("error", stop).resume();
  }
  // The reader of stdout is gone: nobody is left to report to, but the files are still worth writing.
  process.stdout.on("error", stop);
  try {
    const job = Schema.decodeSync(Schema.fromJsonString(Job))(await fs.readFile(values.job, "utf8"));
    running = Load.start(job, await scenarioAt(job.scenario), say);
    if (stopAsked) running.stop();
    await running.done;
    say({ type: "finished", summary: path.join(job.folder, files.summary) });
    return 0;
  } catch (error) {
    say({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    return 1;
  }
};

process.exitCode = await main();
// stdin as a lifeline would keep the process alive.
process.stdin.destroy();
