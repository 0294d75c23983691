import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { createServer } from "node:net";
import { openInstance } from "../../src/instance/InstanceFile.ts";
import { instancePaths } from "../../src/instance/Home.ts";
import { writeProcesses } from "../../src/instance/ProcessesFile.ts";
import { identify, system } from "../../src/instance/ProcessTable.ts";
import { type Facts, gather, judge } from "../../src/run/doctor.ts";
import { portsOf } from "../../src/supervisor/Topology.ts";
import { node, temporaryHome } from "../fixtures/tools.ts";

const healthy: Facts = {
  platform: "linux",
  arch: "x64",
  node: "v24.21.0",
  cpus: 8,
  freeMemoryMb: 8000,
  home: "/home/me/.destiny",
  homeWritable: true,
  freeDiskMb: 50_000,
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

  it.live("sees who holds a port of the instance", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const { portOffset } = openInstance(instancePaths("elsewhere", home));
      const port = portsOf(portOffset).find(({ name }) => name === "gateway")?.port;
      yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<ReturnType<typeof createServer>>((resolve) => {
              const server = createServer();
              // Held by somebody else on this machine already: taken all the same.
              server.once("error", () => resolve(server));
              server.listen(port, "127.0.0.1", () => resolve(server));
            }),
        ),
        (server) => Effect.sync(() => server.close()),
      );
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
