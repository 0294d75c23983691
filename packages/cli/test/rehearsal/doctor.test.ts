import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as fs from "node:fs";
import { openInstance } from "../../src/instance/InstanceFile.ts";
import { instancePaths } from "../../src/instance/Home.ts";
import { writeProcesses } from "../../src/instance/ProcessesFile.ts";
import { identify, system } from "../../src/instance/ProcessTable.ts";
import { type Facts, gather, judge, proxyOf } from "../../src/run/doctor.ts";
import { portsOf } from "../../src/supervisor/Topology.ts";
import { listener, node, temporaryHome } from "../fixtures/tools.ts";

const healthy: Facts = {
  platform: "linux",
  arch: "x64",
  node: "v24.21.0",
  cpus: 8,
  freeMemoryMb: 8000,
  home: "/home/me/.destiny",
  homeWritable: true,
  freeDiskMb: 50_000,
  diskInMemory: false,
  maxOpenFiles: 20_000,
  proxy: undefined,
  built: true,
  instanceFile: "absent",
  postgres: { version: "postgres (PostgreSQL) 18.4" },
  running: false,
  taken: [],
  leftovers: [],
};

describe("doctor", () => {
  it("asks for nothing where nothing is missing", () => {
    assert.isTrue(judge(healthy).every(({ fix, result }) => result === "ok" && fix === ""));
  });

  it("names exactly what is missing, with something to do about it", () => {
    const broken: ReadonlyArray<readonly [Partial<Facts>, name: string, result: string]> = [
      [{ platform: "win32" }, "platform", "failed"],
      [{ platform: "darwin" }, "platform", "warning"],
      [{ node: "v20.1.0" }, "node", "failed"],
      [{ cpus: 1 }, "processors", "warning"],
      [{ freeMemoryMb: 500 }, "free memory", "warning"],
      [{ homeWritable: false }, "state folder", "failed"],
      [{ freeDiskMb: 10 }, "free disk", "failed"],
      [{ diskInMemory: true }, "disk", "warning"],
      [{ maxOpenFiles: 1024 }, "open files", "warning"],
      [{ proxy: "HTTP_PROXY" }, "proxy", "warning"],
      [{ built: false }, "command", "warning"],
      [{ instanceFile: "unreadable" }, "instance", "failed"],
      [{ postgres: { failure: "not installed" } }, "PostgreSQL", "failed"],
      [{ taken: [{ port: 8080, service: "gateway", pid: 7 }] }, "ports", "failed"],
      [{ leftovers: [{ instance: "start", processes: ["postgres"] }] }, "leftovers", "warning"],
    ];
    for (const [change, name, result] of broken) {
      const wrong = judge({ ...healthy, ...change }).filter((check) => check.result !== "ok");
      assert.deepStrictEqual(
        wrong.map((check) => [check.name, check.result]),
        [[name, result]],
      );
      assert.isNotEmpty(wrong[0]?.fix);
      assert.notInclude(wrong[0]?.fix, "undefined");
    }
  });

  it("counts a proxy only when Node uses it and it is not told to spare this machine", () => {
    const proxy = { HTTP_PROXY: "http://proxy:3128" };
    assert.isUndefined(proxyOf(proxy));
    assert.strictEqual(proxyOf({ ...proxy, NODE_USE_ENV_PROXY: "1" }), "HTTP_PROXY");
    assert.isUndefined(proxyOf({ ...proxy, NODE_USE_ENV_PROXY: "1", NO_PROXY: "localhost, 127.0.0.1" }));
  });

  it.live("tells an instance whose file cannot be read from one that is not there", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const paths = instancePaths("broken", home);
      assert.strictEqual((yield* gather("broken", home)).instanceFile, "absent");
      openInstance(paths);
      assert.strictEqual((yield* gather("broken", home)).instanceFile, "readable");
      fs.writeFileSync(paths.instanceFile, "{");
      assert.strictEqual((yield* gather("broken", home)).instanceFile, "unreadable");
    }),
  );

  it.live("sees who holds a port of the instance", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const { portOffset } = openInstance(instancePaths("elsewhere", home));
      const port = portsOf(portOffset).find(({ name }) => name === "gateway")?.port;
      yield* listener(port ?? 0);
      const { taken } = yield* gather("elsewhere", home);
      assert.deepInclude(
        taken.map(({ port: found, service }) => ({ port: found, service })),
        { port, service: "gateway" },
      );
    }),
  );

  it.live("sees the processes of an instance whose supervisor is gone", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const paths = instancePaths("lost", home);
      openInstance(paths);
      const child = yield* node(["-e", "setInterval(() => {}, 1000)"]);
      const identity = identify(system, child.pid);
      assert.isDefined(identity);
      const entry = { ...identity, service: "order", ports: [], script: [], startedAt: "2026-01-01T00:00:00Z" };
      writeProcesses(paths.processesFile, { schemaVersion: 1, supervisor: null, processes: [entry] });
      const { leftovers } = yield* gather("default", home);
      assert.deepStrictEqual(leftovers, [{ instance: "lost", processes: ["order"] }]);
    }),
  );
});
