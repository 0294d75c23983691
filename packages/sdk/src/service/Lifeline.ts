/**
 * The process's end: signals, and a standard input that a supervisor holds open.
 *
 * Guarantee: SIGTERM, SIGINT or, where a supervisor holds it, the end of standard input interrupts the main effect once, so
 * that every finalizer runs; the process exits 0 after that, 1 if the effect failed by itself, and 1 if finalizers take longer
 * than `forceExitMillis`.
 *
 * Limits: kill -9 runs nothing. A second signal exits at once. This is the only module that touches `process`, and it reads no
 * environment: whether standard input is held is for the entry point to say.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";

export interface Options {
  /** A supervisor holds our standard input open, and its end means: drain and exit. Entry points take it from {@link variable}. */
  readonly stdin?: boolean | undefined;
  /** Longer than every drain time-out in the process together with closing its pools. */
  readonly forceExitMillis?: number | undefined;
}

export const defaultForceExitMillis = 30_000;

/** The environment variable with which a supervisor says, by the value `stdin`, that it holds our standard input. */
export const variable = "DESTINY_LIFELINE";

/** Each service of the process brings a terminal that listens to standard input as well; Node takes eleven for a leak. */
const maxStdinListeners = 64;

const onStdinEnd = (stop: () => void): void => {
  process.stdin.setMaxListeners(maxStdinListeners);
  process.stdin.once("end", stop).once("error", stop).once("close", stop);
  // Nothing is read from it: it only has to flow for its end to be seen.
  process.stdin.resume();
};

/** Runs the main effect of a process and exits when it is done. */
export const run = <A, E>(main: Effect.Effect<A, E>, options?: Options): void => {
  const fiber = Effect.runFork(main);
  let isStopping = false;
  let wasSignalled = false;

  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), options?.forceExitMillis ?? defaultForceExitMillis).unref();
    Effect.runFork(Fiber.interrupt(fiber));
  };

  const onSignal = (): void => {
    // A signal behind the end of standard input is the supervisor saying the same thing twice.
    if (wasSignalled) process.exit(1);
    wasSignalled = true;
    stop();
  };

  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  if (options?.stdin === true) onStdinEnd(stop);

  fiber.addObserver((exit) => {
    const isClean = Exit.isSuccess(exit) || (isStopping && Cause.hasInterruptsOnly(exit.cause));
    process.exit(isClean ? 0 : 1);
  });
};
