import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as fs from "node:fs";
import * as path from "node:path";
import { CliError, describe as describeFailure, exitCodes, toText } from "../../src/CliError.ts";
import { services } from "@destiny/services/catalogue";
import { instancePaths } from "../../src/instance/Home.ts";
import { openInstance } from "../../src/instance/InstanceFile.ts";
import { assemble } from "../../src/run/Report.ts";
import { reportFile } from "../../src/run/scenario.ts";
import { openLog } from "../../src/supervisor/Logs.ts";
import { bin, destiny, execute } from "../fixtures/command.ts";
import { pieces } from "../fixtures/pieces.ts";
import { temporaryHome } from "../fixtures/tools.ts";

describe("a failure", () => {
  it("has a code, a cause and a next step in every rendering", () => {
    const error = new CliError({ exit: "conflict", code: "PORT_TAKEN", message: "port 1 is held", next: ["stop it"] });
    const failure = describeFailure(error);
    assert.strictEqual(failure.exitCode, 7);
    for (const part of ["port 1 is held", "PORT_TAKEN", "stop it"]) assert.include(toText(failure), part);
  });

  it("that nobody expected is our fault and says so", () => {
    const failure = describeFailure(new TypeError("x is not a function"));
    assert.strictEqual(failure.exitCode, exitCodes.unexpected);
    assert.strictEqual(failure.code, "UNEXPECTED");
    assert.isNotEmpty(failure.next);
  });
});

describe("destiny", () => {
  it.live("--help lists the commands on stdout, without colours when piped", () =>
    Effect.gen(function* () {
      const { code, stdout, stderr } = yield* destiny(["--help"]);
      assert.strictEqual(code, 0);
      for (const command of [
        "up",
        "down",
        "status",
        "logs",
        "kill",
        "seed",
        "verify",
        "doctor",
        "rehearse",
        "scenario",
      ])
        assert.match(stdout, new RegExp(`^ {2}${command} `, "m"));
      assert.notInclude(stdout, "\u001B[");
      assert.strictEqual(stderr, "");
    }),
  );

  it.live("wrong usage is exit code 2, and with --json one document on stdout", () =>
    Effect.gen(function* () {
      for (const args of [
        ["nonsense"],
        ["up", "--nonsense"],
        ["status", "--instance", "../x"],
        ["logs", "-n", "many"],
      ]) {
        const { code, stdout } = yield* destiny([...args, "--json"]);
        assert.strictEqual(code, 2, args.join(" "));
        const { error } = JSON.parse(stdout);
        assert.strictEqual(error.exit, 2);
        assert.isNotEmpty(error.code);
        assert.isNotEmpty(error.next);
        const flag = args.find((argument) => ["--instance", "-n"].includes(argument));
        if (flag !== undefined) assert.match(error.message, /^--(instance|lines): /, "which flag it was");
        const text = yield* destiny(args);
        assert.strictEqual(text.code, 2);
        assert.strictEqual(text.stdout, "");
        assert.match(text.stderr, /^Code: {2}[A-Z_]+$/m);
      }
    }),
  );

  it.live("a scenario that kills a service is refused in one process, before the last rehearsal's data is wiped", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const paths = instancePaths("start", home);
      openInstance(paths);
      const { code, stdout } = yield* destiny(["rehearse", "steady", "--single", "--json"], home);
      assert.strictEqual(code, 2);
      assert.strictEqual(JSON.parse(stdout).error.code, "ONE_PROCESS");
      assert.isTrue(fs.existsSync(paths.instanceFile));
    }),
  );

  it.live("down of what does not run is no failure and may be repeated", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      for (const volumes of [[], ["--volumes"], ["--volumes"]]) {
        const { code, stdout } = yield* destiny(["down", "--json", ...volumes], home);
        assert.strictEqual(code, 0);
        assert.deepInclude(JSON.parse(stdout), { instance: "default", wasRunning: false });
      }
    }),
  );

  it.live("status: no instance is exit code 4; a stopped one is a report and 0; one without its supervisor is 4", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      assert.strictEqual((yield* destiny(["status", "--json"], home)).code, 4);
      const paths = instancePaths("default", home);
      openInstance(paths);
      const stopped = yield* destiny(["status", "--json"], home);
      assert.strictEqual(stopped.code, 0);
      const report = JSON.parse(stopped.stdout);
      assert.strictEqual(report.services.length, services.length);
      assert.isTrue(report.services.every((service: { state: string }) => service.state === "stopped"));
      const supervisor = { pid: 4_194_303, startTime: "1", bootId: "gone", since: "2026-01-01" };
      fs.writeFileSync(paths.processesFile, JSON.stringify({ schemaVersion: 1, supervisor, processes: [] }));
      assert.strictEqual((yield* destiny(["status", "--json"], home)).code, 4);
    }),
  );

  it.live("what works on a running shop says, without one, how to start it: exit code 4", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      for (const command of [["seed"], ["verify"], ["scenario", "run", "steady"]]) {
        const { code, stdout } = yield* destiny([...command, "--json"], home);
        assert.strictEqual(code, 4, command.join(" "));
        const { error } = JSON.parse(stdout);
        assert.strictEqual(error.code, "NOT_RUNNING");
        assert.include(error.next[0], "destiny up");
      }
    }),
  );

  it.live("a signal ends with 128 and its number; under --json stdout says so in one document", () =>
    Effect.gen(function* () {
      const waits = path.resolve(import.meta.dirname, "../fixtures/waits.ts");
      for (const [signal, code] of [
        ["SIGINT", 130],
        ["SIGTERM", 143],
      ] as const) {
        const outcome = yield* execute(waits, ["--json"], undefined, (child) =>
          child.stderr?.once("data", () => child.kill(signal)),
        );
        assert.strictEqual(outcome.code, code);
        assert.deepInclude(JSON.parse(outcome.stdout).error, { code: "INTERRUPTED", exit: code });
      }
    }),
  );

  it.live("a second signal does not wait for what the first one began", () =>
    Effect.gen(function* () {
      const waits = path.resolve(import.meta.dirname, "../fixtures/waits.ts");
      // Each line on stderr tells that the next signal can be taken: it waits; it is stopping.
      const outcome = yield* execute(waits, ["--stubborn"], undefined, (child) =>
        child.stderr?.on("data", () => child.kill("SIGINT")),
      );
      assert.strictEqual(outcome.code, 130);
      assert.include(outcome.stderr, "once more: leave at once");
    }),
  );

  it.live("a scenario or a report that does not exist is exit code 2, with those that do", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      for (const command of [["rehearse"], ["scenario", "run"]]) {
        const unknown = yield* destiny([...command, "stedy", "--json"], home);
        assert.strictEqual(unknown.code, 2);
        assert.include(JSON.parse(unknown.stdout).error.next[0], "steady");
      }
      const none = yield* destiny(["scenario", "report", "--json"], home);
      assert.strictEqual(none.code, 2);
      assert.strictEqual(JSON.parse(none.stdout).error.code, "NO_REPORT");
    }),
  );

  it.live("the report of a run is plain text in a pipe, on a CI machine too", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const report = assemble(pieces);
      const folder = path.join(instancePaths("default", home).runs, report.run);
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, reportFile), JSON.stringify(report));
      const { code, stdout } = yield* destiny(["scenario", "report"], home);
      assert.strictEqual(code, 0);
      assert.match(stdout, /^PASS$/m);
      assert.notInclude(stdout, "\u001B[");
    }),
  );

  it.live("logs shows the last lines of one service, and of all with their names", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const { logs } = instancePaths("default", home);
      for (const name of ["order", "stock"]) {
        const fd = openLog(logs, name);
        fs.writeSync(fd, `first of ${name}\nlast of ${name}\n`);
        fs.closeSync(fd);
      }
      assert.strictEqual((yield* destiny(["logs", "order", "-n", "1"], home)).stdout, "last of order\n");
      assert.strictEqual(
        (yield* destiny(["logs", "-n", "1"], home)).stdout,
        "order | last of order\nstock | last of stock\n",
      );
      const json = JSON.parse((yield* destiny(["logs", "stock", "--json"], home)).stdout);
      assert.deepStrictEqual(json, [
        { service: "stock", line: "first of stock" },
        { service: "stock", line: "last of stock" },
      ]);
      const unknown = yield* destiny(["logs", "ordre"], home);
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "order, stock");
    }),
  );

  it.live("bin/destiny.js without a build says how to get one", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporaryHome, "bin");
      fs.cpSync(bin, folder, { recursive: true });
      const { code, stderr } = yield* execute(path.join(folder, "destiny.js"), ["--help"]);
      assert.strictEqual(code, 3);
      assert.include(stderr, "npm run bootstrap");
    }),
  );
});
