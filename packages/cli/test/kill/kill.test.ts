import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as path from "node:path";
import { instancePaths } from "../../src/instance/Home.ts";
import { instanceArgument, openInstance } from "../../src/instance/InstanceFile.ts";
import { type RecordedProcess, readProcesses, writeProcesses } from "../../src/instance/ProcessesFile.ts";
import { identify, type ProcessTable, system } from "../../src/instance/ProcessTable.ts";
import { endAll } from "../../src/kill/End.ts";
import { scan } from "../../src/kill/Scan.ts";
import { kill } from "../../src/run/kill.ts";
import { eventually, firstLine, freePort, isRunning, node, supervisor, temporaryHome } from "../fixtures/tools.ts";
import { serviceScript } from "../fixtures/specs.ts";

const innocentScript = path.resolve(import.meta.dirname, "../fixtures/innocent.mjs");

const recordOf = (
  pid: number,
  service: string,
  script: ReadonlyArray<string>,
  startedAt = "2026-01-01",
): RecordedProcess => {
  const identity = identify(system, pid);
  if (identity === undefined) throw new Error(`no process ${pid}`);
  return { ...identity, service, ports: [], script, startedAt };
};

describe("kill --duplicates beside a live supervisor", () => {
  it.live("ends exactly the second process of a service", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [own, other, elsewhere] = [yield* freePort, yield* freePort, yield* freePort];
      const guard = yield* supervisor(home, "default", [["order", own]]);
      assert.strictEqual(yield* firstLine(guard), "ready");
      const paths = instancePaths("default", home);
      const { id } = openInstance(paths);
      const mark = instanceArgument(id);
      const [supervised] = readProcesses(paths.processesFile).processes;

      const duplicate = yield* node([serviceScript, "order", `--port=${other}`, mark]);
      const ofAnotherInstance = yield* node([
        serviceScript,
        "order",
        `--port=${elsewhere}`,
        "--destiny-instance=default-0000000000",
      ]);
      const withOurName = yield* node([innocentScript, "destiny", "order", serviceScript, mark]);
      for (const child of [duplicate, ofAnotherInstance, withOurName]) yield* firstLine(child);

      const dry = yield* kill({ home, instance: "default", duplicates: true, dryRun: true });
      assert.deepStrictEqual(
        dry.ended.map((item) => [item.pid, item.kind, item.outcome]),
        [[duplicate.pid, "duplicate", "would-end"]],
      );
      assert.isTrue(isRunning(duplicate.pid));

      const { ended, leftAlone } = yield* kill({ home, instance: "default", duplicates: true, dryRun: false });
      assert.deepStrictEqual(
        ended.map((item) => [item.pid, item.outcome]),
        [[duplicate.pid, "terminated"]],
      );
      assert.include(ended[0]?.reason, `pid ${supervised?.pid}`);
      assert.isFalse(isRunning(duplicate.pid));
      for (const pid of [ofAnotherInstance.pid, withOurName.pid, guard.pid, supervised?.pid ?? 0])
        assert.isTrue(isRunning(pid));
      assert.include(
        leftAlone.map((item) => item.pid),
        withOurName.pid,
      );
    }),
  );

  it.live("without --duplicates everything of the instance ends, the supervisor first, and nobody else", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [a, b] = [yield* freePort, yield* freePort];
      const guard = yield* supervisor(home, "default", [["order", a]]);
      const neighbour = yield* supervisor(home, "second", [["order", b]]);
      assert.deepStrictEqual(yield* Effect.forEach([guard, neighbour], firstLine), ["ready", "ready"]);
      const pids = (name: string) =>
        readProcesses(instancePaths(name, home).processesFile).processes.map((entry) => entry.pid);
      const [ours, theirs] = [pids("default"), pids("second")];
      const { ended } = yield* kill({ home, instance: "default", duplicates: false, dryRun: false });
      assert.strictEqual(ended[0]?.pid, guard.pid);
      yield* eventually("all of ours are gone", () => ![guard.pid, ...ours].some(isRunning));
      assert.isTrue([neighbour.pid, ...theirs].every(isRunning));
    }),
  );
});

describe("kill --duplicates without a supervisor", () => {
  it.live("ends orphans, and leaves alone a reused pid, a process on our port and one that only carries our mark", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const paths = instancePaths("default", home);
      const mark = instanceArgument(openInstance(paths).id);
      const ports = [yield* freePort, yield* freePort, yield* freePort] as const;
      const orphan = yield* node([serviceScript, "order", `--port=${ports[0]}`, mark]);
      const onOurPort = yield* node([innocentScript, `--port=${ports[1]}`]);
      const marked = yield* node([innocentScript, mark]);
      const reused = yield* node([serviceScript, "stock", `--port=${ports[2]}`, mark]);
      const unmarked = yield* node([innocentScript, "user"]);
      for (const child of [orphan, onOurPort, marked, reused, unmarked]) yield* firstLine(child);
      writeProcesses(paths.processesFile, {
        schemaVersion: 1,
        supervisor: { pid: 2 ** 22 - 1, startTime: "1", bootId: system.bootId(), since: "2026-01-01" },
        processes: [
          { ...recordOf(orphan.pid, "order", [serviceScript, "order", mark]), ports: [ports[0], ports[1]] },
          { ...recordOf(reused.pid, "stock", [serviceScript, "stock", mark]), startTime: "1" },
          recordOf(unmarked.pid, "user", [innocentScript, "user"]),
        ],
      });
      const { ended, leftAlone } = yield* kill({ home, instance: "default", duplicates: true, dryRun: false });
      assert.deepStrictEqual(
        ended.map((item) => [item.pid, item.kind, item.outcome]),
        [[orphan.pid, "orphan", "terminated"]],
      );
      const kinds = new Map(leftAlone.map((item) => [item.pid, item.kind]));
      assert.strictEqual(kinds.get(reused.pid), "reused");
      assert.strictEqual(kinds.get(marked.pid), "stranger");
      assert.strictEqual(kinds.get(unmarked.pid), "unmarked");
      assert.strictEqual(kinds.get(onOurPort.pid), "stranger");
      for (const child of [reused, marked, unmarked, onOurPort]) assert.isTrue(isRunning(child.pid));
    }),
  );
});

describe("between the scan and the signal", () => {
  const mark = instanceArgument("default-1");
  const table = (over: Partial<ProcessTable>): ProcessTable & { readonly signals: Array<unknown> } => {
    const signals: Array<unknown> = [];
    return {
      bootId: () => "boot",
      pids: () => [7],
      startTime: () => "100",
      argv: () => ["node", "/s.ts", "order", mark],
      cwd: () => "/",
      isGroupLeader: () => true,
      signal: (...call) => void signals.push(call),
      ...over,
      signals,
    };
  };
  const recorded: RecordedProcess = {
    pid: 7,
    startTime: "100",
    bootId: "boot",
    service: "order",
    ports: [],
    script: ["/s.ts", "order", mark],
    startedAt: "t",
  };
  const orphans = scan(table({}), "default-1", { schemaVersion: 1, supervisor: null, processes: [recorded] });
  const limits = { termWaitMillis: 50, killWaitMillis: 50 };

  it.live("a process that changed its start time, boot or arguments is left alone", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        orphans.map((finding) => finding.kind),
        ["orphan"],
      );
      for (const change of [
        { startTime: () => "101" },
        { bootId: () => "other" },
        { argv: () => ["node", "/s.ts", "order"] },
      ]) {
        const changed = table(change);
        const [result] = yield* endAll(changed, "default-1", orphans, limits);
        assert.strictEqual(result?.outcome, "left-alone");
        assert.deepStrictEqual(changed.signals, []);
      }
    }),
  );

  it.live("all is read again before the second signal too", () =>
    Effect.gen(function* () {
      let asked = 0;
      const changing = table({ argv: () => (++asked === 1 ? ["node", "/s.ts", "order", mark] : ["vim"]) });
      const [result] = yield* endAll(changing, "default-1", orphans, limits);
      assert.strictEqual(result?.outcome, "left-alone");
      assert.deepStrictEqual(changing.signals, [[7, "SIGTERM"]]);
      const unchanged = table({});
      yield* endAll(unchanged, "default-1", orphans, limits);
      assert.deepStrictEqual(unchanged.signals, [
        [7, "SIGTERM"],
        [-7, "SIGKILL"],
      ]);
    }),
  );
});
