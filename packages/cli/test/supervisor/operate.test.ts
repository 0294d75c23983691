import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as fs from "node:fs";
import { instancePaths } from "../../src/instance/Home.ts";
import { follow, lastLines, type LogLine } from "../../src/run/logs.ts";
import { opener } from "../../src/run/open.ts";
import { logFile } from "../../src/supervisor/Logs.ts";
import { destiny, hasTerminal, onTerminal } from "../fixtures/command.ts";
import { eventually, firstLine, freePort, supervisor, temporaryHome } from "../fixtures/tools.ts";

/** An instance that runs one service, `order`, and no database. */
const running = Effect.gen(function* () {
  const home = yield* temporaryHome;
  const guard = yield* supervisor(home, "default", [["order", yield* freePort]]);
  assert.strictEqual(yield* firstLine(guard), "ready");
  return home;
});

const pidOf = Effect.fnUntraced(function* (home: string) {
  const { stdout } = yield* destiny(["status", "--json"], home);
  return JSON.parse(stdout).services[0].pid;
});

describe("destiny restart", () => {
  it.live("returns when another process is ready in its place; a wrong name is exit code 2", () =>
    Effect.gen(function* () {
      const home = yield* running;
      const before = yield* pidOf(home);
      const { code, stdout } = yield* destiny(["restart", "order", "--json"], home);
      assert.strictEqual(code, 0);
      assert.isAbove(JSON.parse(stdout).recoveredMs, 0);
      assert.notStrictEqual(yield* pidOf(home), before);
      const wrong = yield* destiny(["restart", "ordr", "--json"], home);
      assert.strictEqual(wrong.code, 2);
      assert.strictEqual(JSON.parse(wrong.stdout).error.next[0], "did you mean order?");
    }),
  );
});

describe("destiny wait", () => {
  it.live("waits for a start that has not begun yet", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const fiber = yield* Effect.forkScoped(destiny(["wait", "order", "--json", "--timeout", "60"], home));
      yield* supervisor(home, "default", [["order", yield* freePort]]);
      const { code, stdout } = yield* Fiber.join(fiber);
      assert.strictEqual(code, 0);
      const report = JSON.parse(stdout);
      assert.isAbove(report.waitedMs, 0);
      assert.strictEqual(report.services[0].state, "ready");
    }),
  );

  it.live("exits with 4 when the time is over, and names what is not ready", () =>
    Effect.gen(function* () {
      const home = yield* running;
      const { code, stdout } = yield* destiny(["wait", "--json", "--timeout", "0"], home);
      assert.strictEqual(code, 4);
      const { error } = JSON.parse(stdout);
      assert.strictEqual(error.code, "WAIT_TIMEOUT");
      assert.include(error.message, "database");
      assert.notInclude(error.message, "order");
      const nothing = yield* destiny(["wait", "--json", "--timeout", "0"], yield* temporaryHome);
      assert.strictEqual(nothing.code, 4);
      assert.include(JSON.parse(nothing.stdout).error.next[0], "destiny up");
    }),
  );
});

describe("destiny status --watch", () => {
  it.live("with --json writes an object a line, one for each change, until it is stopped", () =>
    Effect.gen(function* () {
      const home = yield* running;
      const lines: Array<string> = [];
      const { code } = yield* Effect.gen(function* () {
        const watching = yield* Effect.forkScoped(
          destiny(["status", "--watch", "--json"], home, (child) => {
            child.stdout?.on("data", (chunk: string) => {
              lines.push(...chunk.split("\n").filter(Boolean));
              if (lines.length > 1 && !child.killed) child.kill("SIGINT");
            });
          }),
        );
        yield* eventually("the first report", () => lines.length > 0);
        yield* destiny(["restart", "order"], home);
        return yield* Fiber.join(watching);
      });
      assert.strictEqual(code, 130);
      const pids = lines.map((line) => JSON.parse(line).services[0].pid);
      assert.notStrictEqual(pids[0], pids[1]);
    }),
  );
});

describe("destiny open", () => {
  it.live("prints the address of a running shop and opens nothing in a pipe", () =>
    Effect.gen(function* () {
      const home = yield* running;
      assert.strictEqual((yield* destiny(["open"], home)).stdout, "http://127.0.0.1:8080\n");
      const { stdout } = yield* destiny(["open", "saga", "--json"], home);
      assert.deepStrictEqual(JSON.parse(stdout), { url: "http://127.0.0.1:8000", opened: false });
      assert.strictEqual((yield* destiny(["open", "sage"], home)).code, 2);
    }),
  );

  it.live.skipIf(!hasTerminal)("says so when the browser cannot be started: exit code 6, with the address", () =>
    Effect.gen(function* () {
      const home = yield* running;
      const { status, stdout } = onTerminal("open", { DESTINY_HOME: home, BROWSER: "/nonexistent/browser" });
      assert.strictEqual(status, 6);
      assert.match(stdout, /^http:\/\/127\.0\.0\.1:8080/m);
      assert.include(stdout, "NO_BROWSER");
    }),
  );

  it("asks a desktop only where there is one", () => {
    assert.isUndefined(opener("linux", {}));
    assert.strictEqual(opener("linux", { DISPLAY: ":0" }), "xdg-open");
    assert.strictEqual(opener("darwin", {}), "open");
    assert.strictEqual(opener("linux", { BROWSER: "lynx", DISPLAY: ":0" }), "lynx");
  });
});

describe("following logs", () => {
  it.live("goes on where the last lines ended, with services that come later, and breaks no letter", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const { logs } = instancePaths("default", home);
      fs.mkdirSync(logs, { recursive: true });
      const write = (name: string, bytes: Uint8Array | string) => fs.appendFileSync(logFile(logs, name), bytes);
      write("order", "before\n");
      const { directory, entries, sources } = lastLines("default", undefined, 10, home);
      assert.deepStrictEqual(entries, [{ service: "order", line: "before" }]);
      const seen: Array<LogLine> = [];
      yield* Effect.forkScoped(follow(directory, undefined, sources, (line) => seen.push(line)));
      const letters = Buffer.from("주문\n");
      write("order", letters.subarray(0, 4));
      write("stock", "late\n");
      yield* eventually("the late service", () => seen.length > 0);
      write("order", letters.subarray(4));
      yield* eventually("the whole line", () => seen.length > 1);
      assert.deepStrictEqual(seen, [
        { service: "stock", line: "late" },
        { service: "order", line: "주문" },
      ]);
    }),
  );
});
