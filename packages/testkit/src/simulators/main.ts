/**
 * The process that hosts the simulated vendors.
 *
 *     node simulators/main.ts --toss-port 18201 --directory <dir> --destiny-instance=<id>
 *
 * Prints one line of JSON when it listens. Ends on SIGTERM and SIGINT, and with `DESTINY_LIFELINE=stdin` when its
 * standard input ends, so that it does not outlive who started it. `TOSS_SECRET_KEY` names the merchant's key: in the
 * environment, since arguments are readable by everybody on the machine.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { parseArgs } from "node:util";
import * as Toss from "./Toss.ts";

const { values } = parseArgs({
  options: {
    "toss-port": { type: "string", default: "18201" },
    "toss-rate-limit": { type: "string" },
    directory: { type: "string" },
    "destiny-instance": { type: "string", default: "default" },
  },
});

const integer = (name: "toss-port" | "toss-rate-limit", minimum: number): number | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= 65_535) return value;
  process.stderr.write(`--${name} must be an integer from ${minimum} to 65535, not "${text}"\n`);
  return process.exit(2);
};

const port = integer("toss-port", 0) ?? 0;
const rateLimitPerMinute = integer("toss-rate-limit", 1);
const secretKey = process.env["TOSS_SECRET_KEY"];

const program = Effect.gen(function* () {
  const toss = yield* Toss.make({
    port,
    ...(values.directory === undefined ? {} : { directory: values.directory }),
    ...(secretKey === undefined ? {} : { secretKeys: [secretKey] }),
    ...(rateLimitPerMinute === undefined ? {} : { rateLimitPerMinute }),
  });
  const ready = {
    ready: true,
    instance: values["destiny-instance"],
    pid: process.pid,
    simulators: { toss: { port: toss.port, url: toss.url } },
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  return yield* Effect.never;
}).pipe(Effect.scoped);

const fiber = Effect.runFork(program);
fiber.addObserver((exit) => {
  if (exit._tag === "Failure" && !exit.cause.reasons.every((reason) => reason._tag === "Interrupt")) {
    process.stderr.write(
      `${exit.cause.reasons.map((reason) => ("error" in reason ? reason.error : reason)).join("\n")}\n`,
    );
    process.exit(1);
  }
  process.exit(0);
});

const stop = () => void Effect.runFork(Fiber.interrupt(fiber));
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
if (process.env["DESTINY_LIFELINE"] === "stdin") process.stdin.once("end", stop).once("close", stop).resume();
