/** `destiny logs`: reads the files themselves, so it also works when nothing runs. */
import * as fs from "node:fs";
import { StringDecoder } from "node:string_decoder";
import * as Effect from "effect/Effect";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import { instancePaths } from "../instance/Home.ts";
import { logFile, logNames, readBytes, tail } from "../supervisor/Logs.ts";

export interface LogLine {
  readonly service: string;
  readonly line: string;
}

export interface LogSource {
  readonly service: string;
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
): {
  readonly entries: ReadonlyArray<LogLine>;
  readonly sources: ReadonlyArray<LogSource>;
  readonly directory: string;
} => {
  const { logs } = instancePaths(instance, home);
  const names = logNames(logs);
  if (service !== undefined && !names.includes(service)) {
    throw new CliError({
      exit: "usage",
      code: "NO_LOG",
      message: `instance ${instance} has no log of "${service}"`,
      next: names.length === 0 ? [`destiny up --instance ${instance} starts it`] : choices(service, names, "logs"),
    });
  }
  const read = (service === undefined ? names : [service]).map((name) => ({
    service: name,
    ...tail(logFile(logs, name), lines),
  }));
  return {
    entries: read.flatMap((source) => source.lines.map((line) => ({ service: source.service, line }))),
    sources: read.map(({ service: name, size }) => ({ service: name, size })),
    directory: logs,
  };
};

interface Position {
  at: number;
  rest: string;
  readonly decoder: StringDecoder;
}

const positionAt = (at: number): Position => ({ at, rest: "", decoder: new StringDecoder("utf8") });

/**
 * Polls, because file-system events are lost on network and container mounts. A file that shrank was rotated; without a
 * service, one that appears is followed from its beginning.
 */
export const follow = (
  directory: string,
  service: string | undefined,
  sources: ReadonlyArray<LogSource>,
  print: (line: LogLine) => void,
): Effect.Effect<never> =>
  Effect.suspend(() => {
    const positions = new Map(sources.map((source) => [source.service, positionAt(source.size)]));
    const step = Effect.sync(() => {
      for (const name of service === undefined ? logNames(directory) : [service]) {
        const file = logFile(directory, name);
        const position = positions.get(name) ?? positionAt(0);
        positions.set(name, position);
        const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
        if (size < position.at) Object.assign(position, positionAt(0));
        while (position.at < size) {
          const to = Math.min(size, position.at + maxChunkBytes);
          const lines = (position.rest + position.decoder.write(readBytes(file, position.at, to))).split("\n");
          position.at = to;
          position.rest = lines.pop() ?? "";
          for (const line of lines) print({ service: name, line });
        }
      }
    });
    return Effect.forever(Effect.andThen(step, Effect.sleep(followPollMillis)));
  });
