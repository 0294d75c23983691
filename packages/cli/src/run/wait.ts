/** `destiny wait`: until everything, or one service, is ready; an instance that is not there yet may still come. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import { isHealthy, type StatusReport } from "../StatusReport.ts";
import { logCommand } from "../supervisor/ServiceProcess.ts";
import { status } from "./status.ts";

export interface WaitOptions {
  readonly instance: string;
  readonly service: string | undefined;
  readonly timeoutMillis: number;
  readonly home?: string;
  readonly progress: (line: string) => void;
}

const pollMillis = 250;

/** What is not ready yet, in the words of `status`; empty when all is. */
const missing = (report: StatusReport | undefined, service: string | undefined): ReadonlyArray<string> => {
  if (report === undefined || report.supervisor === null) return ["the supervisor"];
  if (service !== undefined) {
    const found = report.services.find(({ name }) => name === service);
    return found?.state === "ready" ? [] : [`${service} (${found?.state ?? "unknown"})`];
  }
  if (isHealthy(report)) return [];
  return [
    ...report.components.filter(({ healthy }) => !healthy).map(({ port }) => port),
    ...report.services.filter(({ state }) => state !== "ready").map(({ name, state }) => `${name} (${state})`),
  ];
};

export const wait = Effect.fnUntraced(function* (
  options: WaitOptions,
): Effect.fn.Return<{ readonly waitedMs: number; readonly report: StatusReport }, CliError> {
  const { instance, service, timeoutMillis } = options;
  const started = yield* Clock.currentTimeMillis;
  let said = "";
  for (;;) {
    const { report } = yield* status(instance, options.home).pipe(
      // A supervisor that is just starting or leaving may hold the lock and not answer.
      Effect.catchIf(
        ({ exit }) => exit === "unhealthy",
        () => Effect.succeed({ report: undefined }),
      ),
    );
    const names = report?.services.map(({ name }) => name) ?? [];
    if (service !== undefined && names.length > 0 && !names.includes(service)) {
      return yield* Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_SERVICE",
          message: `there is no service "${service}"`,
          next: choices(service, names, "services"),
        }),
      );
    }
    const left = missing(report, service);
    const waitedMs = (yield* Clock.currentTimeMillis) - started;
    if (report !== undefined && left.length === 0) return { waitedMs, report };
    const line = `waiting for ${left.join(", ")}`;
    if (waitedMs >= timeoutMillis) {
      return yield* Effect.fail(
        new CliError({
          exit: "unhealthy",
          code: "WAIT_TIMEOUT",
          message: `not ready within ${timeoutMillis / 1000} s: ${left.join(", ")}`,
          next:
            report?.supervisor === null || report === undefined
              ? [`destiny up --detach --instance ${instance}`]
              : [`destiny status --instance ${instance}`, logCommand(service ?? "supervisor", instance)],
        }),
      );
    }
    if (line !== said) options.progress(line);
    said = line;
    yield* Effect.sleep(Math.min(pollMillis, timeoutMillis - waitedMs));
  }
});
