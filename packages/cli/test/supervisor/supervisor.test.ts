import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import * as path from "node:path";
import { instancePaths } from "../../src/instance/Home.ts";
import { readProcesses } from "../../src/instance/ProcessesFile.ts";
import { system } from "../../src/instance/ProcessTable.ts";
import { Supervisor } from "../../src/supervisor/index.ts";
import { eventually, firstLine, freePort, isRunning, supervisor, temporaryHome } from "../fixtures/tools.ts";
import { serviceScript, specs } from "../fixtures/specs.ts";

const start = (home: string, services: ReadonlyArray<readonly [string, number]>, extra: ReadonlyArray<string> = []) =>
  Supervisor.start({
    home,
    instance: "default",
    startDatabase: null,
    processes: () => specs(services, extra),
    limits: { firstBackoffMillis: 10, maxBackoffMillis: 50, drainTimeoutMillis: 500 },
  });

const pids = (home: string): ReadonlyArray<number> =>
  readProcesses(instancePaths("default", home).processesFile).processes.map((entry) => entry.pid);

/** SCHED_BATCH; see sched(7). */
const batchPolicy = 3;
const hasChrt = spawnSync("chrt", ["--version"]).status === 0;
/** Field 41 of `/proc/<pid>/stat`, counted behind the name, which may hold spaces. */
const policyOf = (pid: number): number =>
  Number(fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[38]);

describe("Supervisor", () => {
  it.live(
    "returns when everything is ready, each process with a bound on its heap, and its scope leaves no process and no record",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome;
        const [a, b] = [yield* freePort, yield* freePort];
        const scope = yield* Scope.make();
        const handle = yield* start(home, [
          ["order", a],
          ["stock", b],
        ]).pipe(Effect.provideService(Scope.Scope, scope));
        const report = yield* handle.status;
        assert.deepStrictEqual(
          report.services.map(({ name, port, state }) => ({ name, port, state })),
          [
            { name: "order", port: a, state: "ready" },
            { name: "stock", port: b, state: "ready" },
          ],
        );
        assert.isAbove(report.services[0]?.pssMb ?? 0, 5);
        const recorded = pids(home);
        assert.strictEqual(recorded.length, 2);
        for (const pid of recorded) {
          for (const bound of [/^--max-semi-space-size=\d+$/, /^--max-old-space-size=\d+$/]) {
            assert.isTrue(
              system.argv(pid).some((argument) => bound.test(argument)),
              `no ${bound.source}`,
            );
          }
          if (hasChrt) assert.strictEqual(policyOf(pid), batchPolicy, "a woken process would interrupt others");
        }
        yield* Scope.close(scope, Exit.void);
        assert.deepStrictEqual(recorded.filter(isRunning), []);
        assert.deepStrictEqual(pids(home), []);
      }),
  );

  it.live("gives a service its settings and the lifeline, and none of the caller's other variables", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      process.env["A_SECRET_OF_THE_CALLER"] = "hunter2";
      yield* start(home, [["order", port]]);
      const answer = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`).then((r) => r.text()));
      const environment: Record<string, string> = JSON.parse(answer);
      assert.strictEqual(environment["DESTINY_SETTING"], "42");
      assert.strictEqual(environment["DESTINY_LIFELINE"], "stdin");
      assert.isUndefined(environment["A_SECRET_OF_THE_CALLER"]);
    }),
  );

  it.live("restarts what crashes and says how long it was away", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      const handle = yield* start(home, [["order", port]]);
      const [before] = pids(home);
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/crash`).catch(() => undefined));
      const runPromise = Effect.runPromiseWith(yield* Effect.context());
      yield* eventually("a second process is ready", async () => {
        const [restart] = await runPromise(handle.restarts);
        return restart !== undefined && restart.recoveredMs !== null;
      });
      const [restart] = yield* handle.restarts;
      assert.strictEqual(restart?.service, "order");
      assert.strictEqual(restart?.reason, "exit code 9");
      assert.isAbove(restart?.recoveredMs ?? 0, 0);
      const report = yield* handle.status;
      assert.strictEqual(report.services[0]?.restarts, 1);
      assert.notStrictEqual(report.services[0]?.pid, before);
    }),
  );

  it.live("starts again what the sources are by then, and records that", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const edited = path.join(home, "edited.mjs");
      fs.copyFileSync(serviceScript, edited);
      let script = serviceScript;
      const handle = yield* Supervisor.start({
        home,
        instance: "default",
        startDatabase: null,
        processes: () => specs([["order", 0]]).map((spec) => ({ ...spec, hosts: [], script: () => script })),
      });
      const runs = () => {
        const [entry] = readProcesses(instancePaths("default", home).processesFile).processes;
        return [entry?.script[0], system.argv(entry?.pid ?? 0).some((argument) => argument === entry?.script[0])];
      };
      assert.deepStrictEqual(runs(), [serviceScript, true]);
      script = edited;
      yield* handle.kill("order");
      assert.deepStrictEqual(runs(), [edited, true]);
    }),
  );

  it.live("kill returns when the service is ready again, with the time since the kill", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      const handle = yield* start(home, [["order", port]]);
      const [before = 0] = pids(home);
      const { service, recoveredMs } = yield* handle.kill("order");
      assert.strictEqual(service, "order");
      assert.isAbove(recoveredMs, 10);
      assert.isBelow(recoveredMs, 10_000);
      assert.isFalse(isRunning(before));
      assert.strictEqual((yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/readyz`))).status, 200);
      const again = yield* handle.restart("order");
      assert.isAbove(again.recoveredMs, 0);
      const unknown = yield* Effect.flip(handle.kill("ordre"));
      assert.strictEqual(unknown.code, "UNKNOWN_SERVICE");
    }),
  );

  it.live("a service that never becomes ready fails the start with its last words, and nothing stays behind", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      const error = yield* Effect.flip(Effect.scoped(start(home, [["order", port]], ["--crash-before-ready"])));
      assert.strictEqual(error.exit, "unhealthy");
      assert.strictEqual(error.code, "START_FAILED");
      assert.include(error.details.join("\n"), "cannot find the thing that I need");
      assert.deepStrictEqual(pids(home), []);
    }),
  );

  it.live("a service that ignores the drain is killed when the bound ends", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      let pid = 0;
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* start(home, [["order", port]], ["--stubborn"]);
          pid = pids(home)[0] ?? 0;
          assert.isTrue(isRunning(pid));
        }),
      );
      assert.isFalse(isRunning(pid));
    }),
  );

  it.live("a taken port is a conflict that names the holder", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      const server = createServer();
      yield* Effect.acquireRelease(
        Effect.promise(() => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))),
        () => Effect.sync(() => server.close()),
      );
      const error = yield* Effect.flip(start(home, [["order", port]]));
      assert.strictEqual(error.exit, "conflict");
      assert.strictEqual(error.code, "PORT_TAKEN");
      assert.include(error.message, `pid ${process.pid}`);
    }),
  );
});

describe("one supervisor per instance", () => {
  it.live("the second one is refused and told who holds the instance and since when", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [a, b] = [yield* freePort, yield* freePort];
      const first = yield* supervisor(home, "default", [["order", a]]);
      assert.strictEqual(yield* firstLine(first), "ready");
      const second = yield* supervisor(home, "default", [["order", b]]);
      const answer = yield* firstLine(second);
      assert.match(answer, new RegExp(`^ALREADY_RUNNING conflict: .* pid ${first.pid} since \\d{4}-`));
    }),
  );

  it.live("of two that start in the same instant exactly one wins", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [a, b] = [yield* freePort, yield* freePort];
      const both = yield* Effect.all([
        supervisor(home, "default", [["order", a]]),
        supervisor(home, "default", [["order", b]]),
      ]);
      const answers = yield* Effect.forEach(both, firstLine, { concurrency: "unbounded" });
      assert.deepStrictEqual(
        answers.map((answer) => answer.split(" ")[0] ?? "").sort((x, y) => x.localeCompare(y)),
        ["ALREADY_RUNNING", "ready"],
      );
    }),
  );

  it.live("another instance starts beside it", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [a, b] = [yield* freePort, yield* freePort];
      assert.strictEqual(yield* firstLine(yield* supervisor(home, "default", [["order", a]])), "ready");
      assert.strictEqual(yield* firstLine(yield* supervisor(home, "second", [["order", b]])), "ready");
    }),
  );
});

describe("kill -9 of the supervisor", () => {
  it.live("leaves no service, and the next start takes over without help", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const port = yield* freePort;
      const first = yield* supervisor(home, "default", [["order", port]]);
      assert.strictEqual(yield* firstLine(first), "ready");
      const [service = 0] = pids(home);
      assert.isTrue(isRunning(service));
      process.kill(first.pid, "SIGKILL");
      yield* eventually("the lifeline ends the service", () => !isRunning(service));
      const second = yield* supervisor(home, "default", [["order", port]]);
      assert.strictEqual(yield* firstLine(second), "ready");
    }),
  );

  it.live(
    "an orphan that ignores its lifeline is ended by the next start",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome;
        const port = yield* freePort;
        const first = yield* supervisor(home, "default", [["order", port]]);
        assert.strictEqual(yield* firstLine(first), "ready");
        const [service = 0] = pids(home);
        // Stopped, it can neither see the end of its lifeline nor drain.
        process.kill(service, "SIGSTOP");
        process.kill(first.pid, "SIGKILL");
        yield* eventually("the supervisor is gone", () => !isRunning(first.pid));
        const handle = yield* start(home, [["order", port]]);
        assert.isFalse(isRunning(service));
        assert.strictEqual((yield* handle.status).services[0]?.state, "ready");
      }),
    { timeout: 60_000 },
  );
});
