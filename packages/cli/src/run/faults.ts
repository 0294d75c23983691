/** A scenario's faults, carried out on time; what each one's window was is known afterwards. */
import { type GatewayFault, type RestartFault, type Scenario, Thresholds } from "@destiny/testkit/scenario";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { CliError } from "../CliError.ts";
import type { Connection } from "./connect.ts";
import type { CarriedOut } from "./Report.ts";

const controlTimeoutMillis = 5000;

const isRestart = (fault: RestartFault | GatewayFault): fault is RestartFault => Thresholds.isRestart(fault);

const restart = (fault: RestartFault, connection: Pick<Connection, "kill">, note: (text: string) => void) =>
  Effect.gen(function* () {
    const { service } = fault;
    note(`kill -9 ${service}`);
    const { recoveredMs } = yield* connection.kill(service);
    note(`${service} is ready again after ${recoveredMs} ms`);
    return recoveredMs;
  });

const refused = (gateway: string, cause: unknown) =>
  new CliError({
    exit: "tool",
    code: "FAULT_REFUSED",
    message: `the simulator of ${gateway} did not take the fault: ${cause instanceof Error ? cause.message : String(cause)}`,
    next: ["destiny status: is the simulator up?"],
    cause,
  });

/** Replaces whatever fault the gateway had. The simulator ends it by itself, also when nobody is left to tell it. */
const trouble = (
  { gateway, rules, seconds }: GatewayFault,
  { simulatorUrls }: Pick<Connection, "simulatorUrls">,
  note: (text: string) => void,
) =>
  Effect.gen(function* () {
    const durationMillis = seconds * 1000;
    const simulator = simulatorUrls[gateway];
    if (simulator === undefined) return yield* Effect.fail(refused(gateway, "there is none"));
    yield* Effect.tryPromise({
      try: async (signal) => {
        const answer = await fetch(new URL("/__sim/faults", simulator), {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ rules: rules.map((rule) => ({ ...rule, durationMillis })) }),
          signal: AbortSignal.any([signal, AbortSignal.timeout(controlTimeoutMillis)]),
        });
        if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      },
      catch: (cause) => refused(gateway, cause),
    });
    note(`${gateway}: ${rules.map(({ kind }) => kind).join(", ")} for ${seconds} s`);
    yield* Effect.sleep(durationMillis);
    note(`${gateway}: over`);
    return durationMillis;
  });

/** A fault that could not be carried out, or from which nobody recovered, has a null and fails the verdict. */
export const injectAll = (
  { faults }: Pick<Scenario, "faults">,
  connection: Pick<Connection, "kill" | "simulatorUrls">,
  started: { readonly at: number; readonly lengthMillis: number },
  note: (text: string) => void,
): Effect.Effect<ReadonlyArray<CarriedOut>> =>
  Effect.forEach(
    faults,
    (fault) =>
      Effect.gen(function* () {
        const { at, kind, settleSeconds = 0 } = fault;
        const now = yield* Clock.currentTimeMillis;
        yield* Effect.sleep(Math.max(0, started.at + at * started.lengthMillis - now));
        const injectedAt = yield* Clock.currentTimeMillis;
        const carryOut = isRestart(fault) ? restart(fault, connection, note) : trouble(fault, connection, note);
        const recoveredMs = yield* Effect.match(carryOut, {
          onSuccess: (millis): number | null => millis,
          onFailure: ({ message }) => {
            note(message);
            return null;
          },
        });
        return {
          kind,
          target: isRestart(fault) ? fault.service : fault.gateway,
          injectedAt,
          recoveredMs,
          settleSeconds,
        };
      }),
    { concurrency: "unbounded" },
  );
