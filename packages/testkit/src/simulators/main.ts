/**
 * The process that hosts the simulated vendors.
 *
 *     node simulators/main.ts --toss-port 18201 --slack-port 18204 --directory <dir> --destiny-instance=<id>
 *
 * Hosts the vendors whose port is given; all of them, on their own ports, when none is. Prints one line of JSON when they
 * listen. Ends on SIGTERM and SIGINT, and with `DESTINY_LIFELINE=stdin` when its standard input ends, so that it does not
 * outlive who started it. The merchant's keys are in the environment, under the adapters' names, since arguments are readable
 * by everybody on the machine: `TOSS_SECRET_KEY`; `PORTONE_API_SECRET`; `BOOTPAY_CLIENT_KEY`, `BOOTPAY_SECRET_KEY`,
 * `BOOTPAY_APPLICATION_ID`, `BOOTPAY_PRIVATE_KEY`.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { parseArgs } from "node:util";
import * as Bootpay from "./Bootpay.ts";
import * as PortOne from "./PortOne.ts";
import * as Slack from "./Slack.ts";
import * as Toss from "./Toss.ts";

const { values } = parseArgs({
  options: {
    "toss-port": { type: "string" },
    "portone-port": { type: "string" },
    "bootpay-port": { type: "string" },
    "slack-port": { type: "string" },
    "toss-rate-limit": { type: "string" },
    directory: { type: "string" },
    "destiny-instance": { type: "string", default: "default" },
  },
});

const integer = (
  name: "toss-port" | "portone-port" | "bootpay-port" | "slack-port" | "toss-rate-limit",
  minimum: number,
): number | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= 65_535) return value;
  process.stderr.write(`--${name} must be an integer from ${minimum} to 65535, not "${text}"\n`);
  return process.exit(2);
};

/** The variables that are set, under the names that a simulator gives them. */
const fromEnvironment = <Name extends string>(names: Readonly<Record<Name, string>>): Partial<Record<Name, string>> => {
  const found: Partial<Record<Name, string>> = {};
  for (const name of Object.keys(names) as Array<Name>) {
    const value = process.env[names[name]];
    if (value !== undefined) found[name] = value;
  }
  return found;
};

const standard = { toss: 18_201, portone: 18_202, bootpay: 18_203, slack: 18_204 };
const asked = {
  toss: integer("toss-port", 0),
  portone: integer("portone-port", 0),
  bootpay: integer("bootpay-port", 0),
  slack: integer("slack-port", 0),
};
const ports = Object.values(asked).every((port) => port === undefined) ? standard : asked;
const rateLimitPerMinute = integer("toss-rate-limit", 1);
const directory = values.directory === undefined ? {} : { directory: values.directory };

const { tossSecretKey, portOneSecret } = fromEnvironment({
  tossSecretKey: "TOSS_SECRET_KEY",
  portOneSecret: "PORTONE_API_SECRET",
});
const bootpayKeys = fromEnvironment({
  clientKey: "BOOTPAY_CLIENT_KEY",
  secretKey: "BOOTPAY_SECRET_KEY",
  applicationId: "BOOTPAY_APPLICATION_ID",
  privateKey: "BOOTPAY_PRIVATE_KEY",
});

const program = Effect.gen(function* () {
  const simulators: Record<string, { readonly port: number; readonly url: string }> = {};
  if (ports.toss !== undefined) {
    const { port, url } = yield* Toss.make({
      ...directory,
      port: ports.toss,
      ...(tossSecretKey === undefined ? {} : { secretKeys: [tossSecretKey] }),
      ...(rateLimitPerMinute === undefined ? {} : { rateLimitPerMinute }),
    });
    simulators["toss"] = { port, url };
  }
  if (ports.portone !== undefined) {
    const apiSecrets = portOneSecret === undefined ? {} : { apiSecrets: [portOneSecret] };
    const { port, url } = yield* PortOne.make({ ...directory, ...apiSecrets, port: ports.portone });
    simulators["portone"] = { port, url };
  }
  if (ports.bootpay !== undefined) {
    const { port, url } = yield* Bootpay.make({ ...directory, port: ports.bootpay, keys: bootpayKeys });
    simulators["bootpay"] = { port, url };
  }
  if (ports.slack !== undefined) {
    const { port, url } = yield* Slack.make({ port: ports.slack });
    simulators["slack"] = { port, url };
  }
  const ready = { ready: true, instance: values["destiny-instance"], pid: process.pid, simulators };
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
