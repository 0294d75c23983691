import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Lifeline } from "@destiny/sdk/service";
import { call } from "../http/support.ts";

interface Line {
  readonly message: string;
  readonly annotations?: Record<string, unknown>;
}

/** The process under test, killed with the test's scope. */
const launch = (options: { readonly args?: ReadonlyArray<string>; readonly lifeline?: string }) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const program = fileURLToPath(new URL("lifeline.process.ts", import.meta.url));
      const child = spawn(process.execPath, ["--conditions=@destiny/source", program, ...(options.args ?? [])], {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...process.env, ...(options.lifeline === undefined ? {} : { [Lifeline.variable]: options.lifeline }) },
      });
      const lines: Array<Line> = [];
      const waiting: Array<() => void> = [];
      let buffer = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        buffer += chunk;
        const whole = buffer.split("\n");
        buffer = whole.pop() ?? "";
        lines.push(...whole.map((line) => JSON.parse(line) as Line));
        for (const wake of waiting.splice(0)) wake();
      });
      const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
      const line = async (message: string): Promise<Line> => {
        for (;;) {
          const found = lines.find((line) => line.message === message);
          if (found !== undefined) return found;
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
      };
      return {
        child,
        lines,
        exited: Effect.promise(() => exited),
        line: (message: string) => Effect.promise(() => line(message)),
      };
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL")),
  );

interface Stoppable {
  readonly kill: (signal: "SIGTERM" | "SIGINT") => boolean;
  readonly stdin: { readonly end: () => void };
}

/** `again` comes when the first word was heard. */
const stops = (
  name: string,
  lifeline: string | undefined,
  stop: (child: Stoppable) => void,
  again?: (child: Stoppable) => void,
) =>
  it.live(`${name}: the request in flight is answered, the worker stops, the exit code is 0`, () =>
    Effect.gen(function* () {
      const service = yield* launch(lifeline === undefined ? {} : { lifeline });
      const ready = yield* service.line("ready");
      const request = yield* Effect.forkChild(call(`http://127.0.0.1:${String(ready.annotations?.["port"])}/slow`));
      yield* service.line("entered");
      stop(service.child);
      if (again !== undefined) {
        yield* service.line("draining");
        again(service.child);
      }
      const answer = yield* Fiber.join(request);
      assert.deepStrictEqual([answer.status, answer.text], [200, "done"]);
      assert.strictEqual(yield* service.exited, 0);
      assert.deepStrictEqual(
        service.lines.map((line) => line.message),
        ["ready", "entered", "draining", "worker stopped"],
      );
    }),
  );

describe("the process's end", () => {
  stops("SIGTERM", undefined, (child) => void child.kill("SIGTERM"));
  stops("SIGINT", undefined, (child) => void child.kill("SIGINT"));
  stops("the end of standard input, when it is the lifeline", "stdin", (child) => child.stdin.end());
  stops(
    "the end of standard input and then SIGTERM, as a supervisor sends them",
    "stdin",
    (child) => child.stdin.end(),
    (child) => void child.kill("SIGTERM"),
  );

  it.live("the end of standard input means nothing when it is not the lifeline", () =>
    Effect.gen(function* () {
      const service = yield* launch({});
      const ready = yield* service.line("ready");
      service.child.stdin.end();
      const answer = yield* call(`http://127.0.0.1:${String(ready.annotations?.["port"])}/slow`);
      assert.strictEqual(answer.status, 200);
      assert.isNull(service.child.exitCode);
    }),
  );

  it.live("a start that fails is logged and exits 1", () =>
    Effect.gen(function* () {
      const service = yield* launch({ args: ["--fail"] });
      assert.strictEqual(yield* service.exited, 1);
      assert.deepStrictEqual(
        service.lines.map((line) => line.message),
        ["the process ends"],
      );
    }),
  );
});
