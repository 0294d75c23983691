import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as path from "node:path";
import { instancePaths } from "../../src/instance/Home.ts";
import { type Instance, instanceArgument, openInstance } from "../../src/instance/InstanceFile.ts";
import { noProcesses, type RecordedProcess, readProcesses, writeProcesses } from "../../src/instance/ProcessesFile.ts";
import { identify, type ProcessTable, system } from "../../src/instance/ProcessTable.ts";
import { endAll } from "../../src/kill/End.ts";
import { type Finding, scan } from "../../src/kill/Scan.ts";
import { kill } from "../../src/run/kill.ts";
import { scriptsOf } from "../../src/supervisor/Topology.ts";
import { destiny } from "../fixtures/command.ts";
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

/** A machine with one process, number 7. */
const processTable = (over: Partial<ProcessTable>): ProcessTable & { readonly signals: Array<unknown> } => {
  const signals: Array<unknown> = [];
  return {
    bootId: () => "boot",
    pids: () => [7],
    startTime: () => "100",
    argv: () => ["node", "/s.ts", "order", instanceArgument("default-1")],
    cwd: () => "/",
    isGroupLeader: () => true,
    signal: (...call) => void signals.push(call),
    ...over,
    signals,
  };
};

describe("kill --duplicates beside a live supervisor", () => {
  it.live("ends exactly the further copies of a service", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [own, elsewhere] = [yield* freePort, yield* freePort];
      const guard = yield* supervisor(home, "default", [["order", own]]);
      assert.strictEqual(yield* firstLine(guard), "ready");
      const paths = instancePaths("default", home);
      const { id } = openInstance(paths);
      const mark = instanceArgument(id);
      const [supervised] = readProcesses(paths.processesFile).processes;

      const copy = Effect.flatMap(freePort, (port) => node([serviceScript, "order", `--port=${port}`, mark]));
      const copies = [yield* copy, yield* copy];
      const ofAnotherInstance = yield* node([
        serviceScript,
        "order",
        `--port=${elsewhere}`,
        "--destiny-instance=default-0000000000",
      ]);
      const withOurName = yield* node([innocentScript, "destiny", "order", serviceScript, mark]);
      for (const child of [...copies, ofAnotherInstance, withOurName]) yield* firstLine(child);
      const copyPids = copies.map(({ pid }) => pid);

      const dry = yield* kill({ home, instance: "default", duplicates: true, dryRun: true });
      assert.sameDeepMembers(
        dry.ended.map((item) => [item.pid, item.kind, item.outcome]),
        copyPids.map((pid) => [pid, "duplicate", "would-end"]),
      );
      assert.isTrue(copyPids.every(isRunning));

      const { ended, leftAlone } = yield* kill({ home, instance: "default", duplicates: true, dryRun: false });
      assert.sameDeepMembers(
        ended.map((item) => [item.pid, item.outcome]),
        copyPids.map((pid) => [pid, "terminated"]),
      );
      for (const { reason } of ended) assert.include(reason, `pid ${supervised?.pid}`);
      assert.isFalse(copyPids.some(isRunning));
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

describe("destiny kill --duplicates after a kill -9 of the supervisor", () => {
  it.live(
    "ends what outlived it and its copies, by force if need be, and gives a reason for each, for what it spares too",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryHome;
        const [own, taken] = [yield* freePort, yield* freePort];
        const guard = yield* supervisor(home, "default", [["order", own]], ["--stubborn"]);
        assert.strictEqual(yield* firstLine(guard), "ready");
        const paths = instancePaths("default", home);
        const mark = instanceArgument(openInstance(paths).id);
        const [orphan] = readProcesses(paths.processesFile).processes;
        guard.kill("SIGKILL");
        yield* eventually("the supervisor is gone", () => !isRunning(guard.pid));

        const copy = Effect.flatMap(freePort, (port) => node([serviceScript, "order", `--port=${port}`, mark]));
        const copies = [yield* copy, yield* copy];
        const onOurPort = yield* node([innocentScript, `--port=${taken}`]);
        const withOurName = yield* node([innocentScript, "destiny", "order", mark]);
        const reused = yield* node([serviceScript, "stock", `--port=${yield* freePort}`, mark]);
        for (const child of [...copies, onOurPort, withOurName, reused]) yield* firstLine(child);
        const file = readProcesses(paths.processesFile);
        writeProcesses(paths.processesFile, {
          ...file,
          processes: [
            ...file.processes.map((entry) => ({ ...entry, ports: [own, taken] })),
            { ...recordOf(reused.pid, "stock", [serviceScript, "stock", mark]), startTime: "1" },
          ],
        });

        const ours = [orphan?.pid ?? 0, ...copies.map(({ pid }) => pid)];
        const theirs = [onOurPort, withOurName, reused].map(({ pid }) => pid);
        const told = yield* destiny(["kill", "--duplicates", "--json", "--dry-run"], home);
        const planned = JSON.parse(told.stdout);
        assert.sameMembers(
          planned.ended.map(({ pid }: Finding) => pid),
          ours,
        );
        assert.isTrue([...ours, ...theirs].every(isRunning), "a dry run ends nothing");

        const done = yield* destiny(["kill", "--duplicates"], home);
        assert.strictEqual(done.code, 0, done.stderr);
        for (const pid of ours) {
          const outcome = pid === orphan?.pid ? "killed" : "terminated";
          assert.match(
            done.stdout,
            new RegExp(`^${outcome} +pid ${pid} +order +order of a supervisor that is gone$`, "m"),
          );
          assert.isFalse(isRunning(pid));
        }
        for (const [pid, why] of [
          [onOurPort.pid, `listens on port ${taken}`],
          [withOurName.pid, "was not started by a supervisor"],
          [reused.pid, "another process has the number now"],
        ] as const) {
          assert.match(done.stdout, new RegExp(`^left alone +pid ${pid} .*${why}`, "m"));
          assert.isTrue(isRunning(pid));
        }
      }),
    { timeout: 60_000 },
  );

  it("knows a service whose record is lost by its script, its mark and its name", () => {
    const paths = instancePaths("default", "/nonexistent");
    const instance: Instance = {
      schemaVersion: 1,
      name: "default",
      id: "default-1",
      profile: "embedded",
      portOffset: 0,
      createdAt: "2026-01-01",
      secrets: { postgresPassword: "", tossSecretKey: "", userPrivateJwk: "" },
    };
    const known = scriptsOf(instance, paths);
    const [stock = [], bundled = []] = known.filter(({ service }) => service === "stock").map(({ script }) => script);
    const found = (argv: ReadonlyArray<string>) =>
      scan(processTable({ argv: () => argv }), instance.id, noProcesses, known).map(({ kind, service }) => [
        kind,
        service,
      ]);
    const node = [process.execPath, "--conditions=@destiny/source"];
    assert.deepStrictEqual(found([...node, ...stock]), [["orphan", "stock"]]);
    assert.deepStrictEqual(found([...node, ...bundled]), [["orphan", "stock"]]);
    assert.deepStrictEqual(found([...node, ...stock.slice(0, -1)]), [], "without the mark it is nobody's");
    assert.deepStrictEqual(found([...node, "/elsewhere/main.ts", ...stock.slice(1)]), [["stranger", ""]]);
    assert.deepStrictEqual(found(["/usr/bin/vim", ...stock]), [["stranger", ""]]);
  });
});

describe("between the scan and the signal", () => {
  const mark = instanceArgument("default-1");
  const recorded: RecordedProcess = {
    pid: 7,
    startTime: "100",
    bootId: "boot",
    service: "order",
    ports: [],
    script: ["/s.ts", "order", mark],
    startedAt: "t",
  };
  const orphans = scan(processTable({}), "default-1", { schemaVersion: 1, supervisor: null, processes: [recorded] });
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
        const changed = processTable(change);
        const [result] = yield* endAll(changed, "default-1", orphans, limits);
        assert.strictEqual(result?.outcome, "left-alone");
        assert.deepStrictEqual(changed.signals, []);
      }
    }),
  );

  it.live("all is read again before the second signal too", () =>
    Effect.gen(function* () {
      let asked = 0;
      const changing = processTable({ argv: () => (++asked === 1 ? ["node", "/s.ts", "order", mark] : ["vim"]) });
      const [result] = yield* endAll(changing, "default-1", orphans, limits);
      assert.strictEqual(result?.outcome, "left-alone");
      assert.deepStrictEqual(changing.signals, [[7, "SIGTERM"]]);
      const unchanged = processTable({});
      yield* endAll(unchanged, "default-1", orphans, limits);
      assert.deepStrictEqual(unchanged.signals, [
        [7, "SIGTERM"],
        [-7, "SIGKILL"],
      ]);
    }),
  );
});
