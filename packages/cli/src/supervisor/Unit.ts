/**
 * One thing that is kept running: a process, or PostgreSQL.
 *
 * Guarantee: whatever ends is started again, at once the first time and then with a growing pause, until the unit is
 * stopped; stopping asks first, waits a bounded time and then kills. Limits: `UnitLimits`. A unit that never was ready
 * gives up after `maxStartAttempts`; one that was ready once is restarted for as long as the supervisor lives, because a
 * shop that stays down after a bad minute is worse than one that tries every few seconds.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type * as Scope from "effect/Scope";
import { CliError } from "../CliError.ts";
import type { Restart, ServiceState } from "../StatusReport.ts";

/** A live incarnation of a unit. */
export interface Running {
  readonly pid: number;
  /** Resolves with the reason when the incarnation has ended; never rejects. */
  readonly exited: Promise<string>;
  readonly isReady: () => Promise<boolean>;
  /** Asks it to finish its work and leave. */
  readonly drain: () => void;
  /** Ends it and everything it started, at once. */
  readonly kill: () => void;
}

export interface UnitSpec {
  readonly name: string;
  /** Starts an incarnation without waiting for it to be ready. */
  readonly launch: () => Promise<Running>;
  /** The command that shows its log. */
  readonly logCommand: string;
  /** The last lines it wrote, for an error message. */
  readonly tail: () => ReadonlyArray<string>;
}

export interface UnitLimits {
  readonly maxStartAttempts: number;
  readonly readyTimeoutMillis: number;
  readonly readyPollMillis: number;
  readonly drainTimeoutMillis: number;
  /** How long a killed process may take to disappear before it is given up. */
  readonly killTimeoutMillis: number;
  readonly firstBackoffMillis: number;
  readonly maxBackoffMillis: number;
  /** Ready for this long, a unit's failures are forgiven. */
  readonly stableMillis: number;
  readonly recoveryTimeoutMillis: number;
  readonly maxRestartsKept: number;
}

export const defaultLimits: UnitLimits = {
  maxStartAttempts: 3,
  readyTimeoutMillis: 60_000,
  readyPollMillis: 50,
  drainTimeoutMillis: 10_000,
  killTimeoutMillis: 5_000,
  firstBackoffMillis: 100,
  maxBackoffMillis: 5_000,
  stableMillis: 10_000,
  recoveryTimeoutMillis: 60_000,
  maxRestartsKept: 200,
};

export interface Unit {
  readonly name: string;
  readonly state: () => ServiceState;
  readonly running: () => Running | undefined;
  /** Why the last incarnation ended. */
  readonly lastEnd: () => string;
  readonly restarts: () => ReadonlyArray<Restart>;
  readonly restartCount: () => number;
  /** Ready for the first time, or why it never will be. */
  readonly firstReady: Effect.Effect<void, CliError>;
  /** Ends the incarnation (kill -9, or politely) and waits until the next one is ready. */
  readonly cycle: (
    how: "kill" | "drain",
  ) => Effect.Effect<{ readonly service: string; readonly recoveredMs: number }, CliError>;
  readonly stop: Effect.Effect<void>;
}

/** How an incarnation ended. */
interface Life {
  readonly reason: string;
  readonly wasReady: boolean;
  readonly readyMillis: number;
  /** The launch itself was refused with a reason that a second attempt cannot change. */
  readonly fatal?: CliError;
}

/** The pause before restart number `failures` of an unbroken series. */
export const backoffMillis = (failures: number, limits: UnitLimits): number =>
  failures <= 1 ? 0 : Math.min(limits.firstBackoffMillis * 2 ** (failures - 2), limits.maxBackoffMillis);

const message = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

export const make = (
  spec: UnitSpec,
  limits: UnitLimits,
  onChange: () => void,
): Effect.Effect<Unit, never, Scope.Scope> =>
  Effect.gen(function* () {
    const firstReady = yield* Deferred.make<void, CliError>();
    const restarts: Array<Restart> = [];
    let state: ServiceState = "starting";
    let current: Running | undefined;
    let lastEnd = "";
    let count = 0;
    let waiters: Array<Deferred.Deferred<number>> = [];
    let askedAt: number | undefined;

    const setState = (next: ServiceState, running: Running | undefined): void => {
      state = next;
      current = running;
      onChange();
    };

    const exitOf = (running: Running): Effect.Effect<string> => Effect.promise(() => running.exited);

    const untilReady = (running: Running): Effect.Effect<"ready"> =>
      Effect.gen(function* () {
        while (!(yield* Effect.promise(() => running.isReady()))) yield* Effect.sleep(limits.readyPollMillis);
        return "ready" as const;
      });

    /** One life: returns why it ended and how long it was ready. */
    const live = (diedAt: number | undefined) =>
      Effect.gen(function* () {
        // Uninterruptible up to the assignment, so that `stop` never misses a process that was just started.
        const running = yield* Effect.uninterruptible(
          Effect.tryPromise({ try: spec.launch, catch: (cause) => ({ _tag: "LaunchFailed" as const, cause }) }).pipe(
            Effect.tap((started) =>
              Effect.sync(() => setState(diedAt === undefined ? "starting" : "restarting", started)),
            ),
          ),
        );
        const first = yield* Effect.raceFirst(untilReady(running), exitOf(running)).pipe(
          Effect.timeoutOrElse({
            duration: limits.readyTimeoutMillis,
            orElse: () => {
              running.kill();
              return Effect.map(exitOf(running), () => `not ready within ${limits.readyTimeoutMillis} ms`);
            },
          }),
        );
        if (first !== "ready") return { reason: first, wasReady: false, readyMillis: 0 };
        const readyAt = yield* Clock.currentTimeMillis;
        setState("ready", running);
        yield* Deferred.succeed(firstReady, undefined);
        if (diedAt !== undefined) {
          const recoveredMs = readyAt - diedAt;
          // Deaths while coming up belong to the same outage; each counts from its own moment.
          for (const [i, restart] of restarts.entries()) {
            if (restart.recoveredMs === null)
              restarts[i] = { ...restart, recoveredMs: readyAt - Date.parse(restart.at) };
          }
          const waiting = waiters;
          waiters = [];
          for (const waiter of waiting) yield* Deferred.succeed(waiter, recoveredMs);
          onChange();
        }
        const reason = yield* exitOf(running);
        return { reason, wasReady: true, readyMillis: (yield* Clock.currentTimeMillis) - readyAt };
      }).pipe(
        Effect.catchTag("LaunchFailed", ({ cause }) =>
          Effect.succeed({
            reason: message(cause),
            wasReady: false,
            readyMillis: 0,
            ...(cause instanceof CliError && cause.exit !== "unhealthy" ? { fatal: cause } : {}),
          }),
        ),
      );

    const loop = Effect.gen(function* () {
      let failures = 0;
      let diedAt: number | undefined;
      for (;;) {
        const life: Life = yield* live(diedAt);
        const { reason, wasReady, readyMillis } = life;
        const now = yield* Clock.currentTimeMillis;
        lastEnd = reason;
        setState("restarting", undefined);
        if (!(yield* Deferred.isDone(firstReady))) {
          failures++;
          if (life.fatal !== undefined || failures >= limits.maxStartAttempts) {
            setState("stopped", undefined);
            yield* Deferred.fail(
              firstReady,
              life.fatal ??
                new CliError({
                  exit: "unhealthy",
                  code: "START_FAILED",
                  message: `${spec.name} did not start in ${failures} attempts: ${reason}`,
                  details: spec.tail(),
                  next: [`${spec.logCommand} shows the whole log`],
                }),
            );
            return;
          }
        } else {
          // The first death of a series starts the recovery clock; dying again while coming up does not reset it.
          const death = askedAt ?? now;
          askedAt = undefined;
          if (wasReady) diedAt = death;
          failures = readyMillis >= limits.stableMillis ? 1 : failures + 1;
          count++;
          restarts.push({ service: spec.name, at: new Date(death).toISOString(), reason, recoveredMs: null });
          if (restarts.length > limits.maxRestartsKept) restarts.shift();
        }
        yield* Effect.sleep(backoffMillis(failures, limits));
      }
    });

    const fiber = yield* Effect.forkScoped(loop);

    const ended = (running: Running, millis: number): Effect.Effect<boolean> =>
      Effect.as(exitOf(running), true).pipe(
        Effect.timeoutOrElse({ duration: millis, orElse: () => Effect.succeed(false) }),
      );

    const end = (running: Running, how: "kill" | "drain"): Effect.Effect<void> =>
      Effect.gen(function* () {
        if (how === "drain") {
          running.drain();
          if (yield* ended(running, limits.drainTimeoutMillis)) return;
        }
        running.kill();
        yield* ended(running, limits.killTimeoutMillis);
      });

    const stop = Effect.gen(function* () {
      yield* Fiber.interrupt(fiber);
      const running = current;
      if (running !== undefined) yield* end(running, "drain");
      setState("stopped", undefined);
    });

    const cycle = (how: "kill" | "drain") =>
      Effect.gen(function* () {
        const running = current;
        if (running === undefined || state !== "ready") {
          return yield* Effect.fail(
            new CliError({
              exit: "unhealthy",
              code: "NOT_READY",
              message: `${spec.name} is ${state}, so there is nothing to end`,
              next: ["destiny status shows when it is ready"],
            }),
          );
        }
        const waiter = yield* Deferred.make<number>();
        waiters.push(waiter);
        if (how === "kill") askedAt = yield* Clock.currentTimeMillis;
        yield* end(running, how);
        const recoveredMs = yield* Deferred.await(waiter).pipe(
          Effect.timeoutOrElse({
            duration: limits.recoveryTimeoutMillis,
            orElse: () =>
              Effect.fail(
                new CliError({
                  exit: "unhealthy",
                  code: "NOT_RECOVERED",
                  message: `${spec.name} was not ready again within ${limits.recoveryTimeoutMillis} ms`,
                  details: spec.tail(),
                  next: [spec.logCommand, "destiny status"],
                }),
              ),
          }),
        );
        return { service: spec.name, recoveredMs };
      });

    return {
      name: spec.name,
      state: () => state,
      running: () => current,
      lastEnd: () => lastEnd,
      restarts: () => restarts,
      restartCount: () => count,
      firstReady: Deferred.await(firstReady),
      cycle,
      stop,
    };
  });
