/**
 * The base of every command: runs an Effect program, owns the signals, and renders failures in one place.
 *
 * Guarantee: the first signal interrupts the program, so its finalizers run, and the process leaves with 128 + signal;
 * a second signal leaves at once. With `--json` stdout carries one JSON document, on failure too.
 * Effect is imported inside `runEffect`, because help must not load it.
 */
import { Command } from "@oclif/core/command";
import type * as Effect from "effect/Effect";
import { CliError, describe, exitCodeOf, exitCodes, isExit, toJson, toText } from "./CliError.ts";
import type { Connection } from "./run/connect.ts";

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type SignalName = keyof typeof signals;
const names: ReadonlyArray<SignalName> = ["SIGINT", "SIGTERM", "SIGHUP"];

export abstract class EffectCommand extends Command {
  static override enableJsonFlag = true;
  /** Whether stdout has the one JSON document that `--json` promises. */
  private answered = false;

  protected override async init(): Promise<void> {
    await super.init();
    if (process.platform === "win32") {
      throw new CliError({
        exit: "environment",
        code: "PLATFORM",
        message: "destiny needs process groups and POSIX signals, which Windows does not have",
        next: ["install WSL (https://learn.microsoft.com/windows/wsl/install) and run the same command there"],
      });
    }
  }

  protected async runEffect<A, E>(program: Effect.Effect<A, E>): Promise<A> {
    const [Effect, Cause, Exit, Fiber] = await Promise.all([
      import("effect/Effect"),
      import("effect/Cause"),
      import("effect/Exit"),
      import("effect/Fiber"),
    ]);
    // A fiber that waits holds no handle of its own, and Node would leave with code 13.
    const keepAlive = setInterval(() => {}, 2_147_483_647);
    let received: SignalName | undefined;
    let interrupt = (): void => {};
    const handlers = names.map((name) => {
      const handler = (): void => {
        // oxlint-disable-next-line unicorn/no-process-exit -- the second signal means "now"
        if (received !== undefined) process.exit(signals[name]);
        received = name;
        this.progress(`${name}: stopping (once more: leave at once)`);
        interrupt();
      };
      process.on(name, handler);
      return [name, handler] as const;
    });
    try {
      // Behind the handlers: what the program starts at once must not be left behind by a signal that comes at once.
      const fiber = Effect.runFork(program);
      interrupt = () => fiber.interruptUnsafe();
      const exit = await Effect.runPromise(Fiber.await(fiber));
      if (Exit.isSuccess(exit)) return exit.value;
      if (Cause.hasInterruptsOnly(exit.cause)) return this.exit(received === undefined ? 130 : signals[received]);
      throw Cause.squash(exit.cause);
    } finally {
      clearInterval(keepAlive);
      for (const [name, handler] of handlers) process.off(name, handler);
    }
  }

  /** Runs a program on an instance that is up; without one it fails with NOT_RUNNING. */
  protected async onInstance<A, E>(name: string, program: (connection: Connection) => Effect.Effect<A, E>): Promise<A> {
    const [Effect, { connect }] = await Promise.all([import("effect/Effect"), import("./run/connect.ts")]);
    return this.runEffect(Effect.flatMap(connect(name), program));
  }

  /**
   * Asks before what cannot be taken back. Nobody is asked without a terminal or under `--json`: then it takes `--yes`,
   * and without it nothing happens.
   */
  protected async confirm(question: string, yes: boolean): Promise<void> {
    if (yes) return;
    const refused = (code: string, message: string): CliError =>
      new CliError({ exit: "confirmation", code, message, next: ["add --yes to do it without being asked"] });
    if (!process.stdin.isTTY || this.jsonEnabled()) {
      throw refused("NEEDS_CONFIRMATION", `${question} Nobody is there to answer.`);
    }
    const { createInterface } = await import("node:readline/promises");
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    const left = new AbortController();
    const leave = (): void => left.abort();
    prompt.once("SIGINT", leave).once("close", leave);
    try {
      const answer = await prompt.question(`${question} [y/N] `, { signal: left.signal });
      if (!/^y(es)?$/i.test(answer.trim())) throw refused("NOT_CONFIRMED", "nothing was done");
    } catch (error) {
      if (left.signal.aborted) this.exit(exitCodes.interrupted);
      throw error;
    } finally {
      prompt.close();
    }
  }

  /** Progress is for people: always on stderr, so that stdout holds results only. */
  protected progress(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  override logJson(json: unknown): void {
    this.answered = true;
    // Plain JSON: oclif's version colours it and cuts long arrays by the theme.
    process.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
  }

  /** One of many results, each on a line of its own: what follows until Ctrl-C has no one document. */
  protected logJsonLine(json: unknown): void {
    this.answered = true;
    process.stdout.write(`${JSON.stringify(json)}\n`);
  }

  protected override catch(error: Error): Promise<void> {
    if (isExit(error)) {
      const exitCode = exitCodeOf(error);
      process.exitCode = exitCode;
      const signal = names.find((name) => signals[name] === exitCode);
      if (signal !== undefined && this.jsonEnabled() && !this.answered) {
        const next = ["everything that was started is stopped; the same command begins anew"];
        this.logJson(toJson({ exitCode, code: "INTERRUPTED", message: `stopped by ${signal}`, next, details: [] }));
      }
      return Promise.resolve();
    }
    const failure = describe(error, `destiny ${this.id?.replaceAll(":", " ") ?? ""}`.trim());
    process.exitCode = failure.exitCode;
    if (this.jsonEnabled()) this.logJson(toJson(failure));
    else process.stderr.write(toText(failure));
    return Promise.resolve();
  }
}
