/** `destiny logs`: reads the files themselves, so it also works when nothing runs. */
import * as fs from "node:fs";
import * as Effect from "effect/Effect";
import { CliError } from "../CliError.ts";
import { instancePaths } from "../instance/Home.ts";
import { logFile, logNames, readRange, tail } from "../supervisor/Logs.ts";

export interface LogLine {
  readonly service: string;
  readonly line: string;
}

export interface LogSource {
  readonly service: string;
  readonly file: string;
  /** Where `follow` goes on. */
  readonly size: number;
}

const followPollMillis = 250;
const maxChunkBytes = 1024 * 1024;

export const lastLines = (
  instance: string,
  service: string | undefined,
  lines: number,
  home?: string,
): { readonly entries: ReadonlyArray<LogLine>; readonly sources: ReadonlyArray<LogSource> } => {
  const { logs } = instancePaths(instance, home);
  const names = logNames(logs);
  if (service !== undefined && !names.includes(service)) {
    throw new CliError({
      exit: "usage",
      code: "NO_LOG",
      message: `instance ${instance} has no log of "${service}"`,
      next: [names.length === 0 ? `destiny up --instance ${instance} starts it` : `logs: ${names.join(", ")}`],
    });
  }
  const read = (service === undefined ? names : [service]).map((name) => {
    const file = logFile(logs, name);
    return { service: name, file, ...tail(file, lines) };
  });
  return {
    entries: read.flatMap((source) => source.lines.map((line) => ({ service: source.service, line }))),
    sources: read.map(({ service: name, file, size }) => ({ service: name, file, size })),
  };
};

/** Polls, because file-system events are lost on network and container mounts. A file that shrank was rotated. */
export const follow = (sources: ReadonlyArray<LogSource>, print: (line: LogLine) => void): Effect.Effect<never> =>
  Effect.suspend(() => {
    const positions = new Map(sources.map((source) => [source.file, { at: source.size, rest: "" }]));
    const step = Effect.sync(() => {
      for (const { service, file } of sources) {
        const position = positions.get(file);
        const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
        if (position === undefined) continue;
        if (size < position.at) position.at = 0;
        while (position.at < size) {
          const to = Math.min(size, position.at + maxChunkBytes);
          const lines = (position.rest + readRange(file, position.at, to)).split("\n");
          position.at = to;
          position.rest = lines.pop() ?? "";
          for (const line of lines) print({ service, line });
        }
      }
    });
    return Effect.forever(Effect.andThen(step, Effect.sleep(followPollMillis)));
  });
