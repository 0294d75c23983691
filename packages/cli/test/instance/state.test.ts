import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { services, simulators } from "@destiny/services/catalogue";
import { instanceName, instancePaths } from "../../src/instance/Home.ts";
import { choosePortOffset, openInstance, parseInstance, readInstance } from "../../src/instance/InstanceFile.ts";
import { holder, tryAcquire } from "../../src/instance/InstanceLock.ts";
import { freePortOffset } from "../../src/instance/Ports.ts";
import { parseProcesses, readProcesses, writeProcesses } from "../../src/instance/ProcessesFile.ts";
import { identify, parseCpu, parseStat, system, treeCpuSeconds } from "../../src/instance/ProcessTable.ts";
import { serviceFlags } from "../../src/supervisor/ServiceProcess.ts";
import * as Scripts from "../../src/supervisor/Scripts.ts";
import { databases, maxConnections, postgresPort, settingsFrom, topology } from "../../src/supervisor/Topology.ts";
import { freePort, listener, temporaryHome } from "../fixtures/tools.ts";

describe("instance names", () => {
  it("are folder names of a narrow alphabet", () => {
    for (const name of ["default", "start", "black-friday-2"]) assert.strictEqual(instanceName(name), name);
    for (const name of ["", "../x", "A", "1a", "a b", "a/b", "a".repeat(32)])
      assert.throws(() => instanceName(name), /no instance name/);
  });

  it("a deep home still has a socket path that fits", () => {
    const paths = instancePaths("default", `/${"very-deep/".repeat(20)}`);
    assert.isAtMost(Buffer.byteLength(paths.socket), 103);
  });
});

describe("instance.json", () => {
  it.live("is made once, is private, and reads back the same", () =>
    Effect.gen(function* () {
      const paths = instancePaths("default", yield* temporaryHome);
      const made = openInstance(paths);
      assert.deepStrictEqual(openInstance(paths), made);
      assert.strictEqual(fs.statSync(paths.instanceFile).mode & 0o777, 0o600);
      assert.strictEqual(made.portOffset, 0);
      const jwk = JSON.parse(made.secrets.userPrivateJwk);
      assert.deepInclude(jwk, { kty: "OKP", crv: "Ed25519", alg: "EdDSA" });
      assert.isString(jwk.d);
      assert.isString(jwk.kid);
    }),
  );

  it.live("two instances of one home have other ids, secrets and ports", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [a, b] = [openInstance(instancePaths("one", home)), openInstance(instancePaths("two", home))];
      assert.notStrictEqual(a.id, b.id);
      assert.notStrictEqual(a.secrets.postgresPassword, b.secrets.postgresPassword);
      assert.notStrictEqual(a.portOffset, b.portOffset);
    }),
  );

  it.live("damaged, it is an error and is not overwritten", () =>
    Effect.gen(function* () {
      const paths = instancePaths("default", yield* temporaryHome);
      fs.mkdirSync(paths.directory, { recursive: true });
      fs.writeFileSync(paths.instanceFile, "{");
      assert.throws(() => readInstance(paths), /cannot be read/);
      assert.throws(() => openInstance(paths), /cannot be read/);
      assert.strictEqual(fs.readFileSync(paths.instanceFile, "utf8"), "{");
    }),
  );

  it("with a field of another type it is no instance", () => {
    assert.isUndefined(parseInstance({ schemaVersion: 2 }));
    assert.isUndefined(parseInstance({ schemaVersion: 1, name: "a", id: "a; rm", secrets: {} }));
    assert.isUndefined(parseInstance(null));
  });
});

describe("ports", () => {
  it("no two instances share a port, whatever their offsets", () => {
    const taken = new Set<number>();
    const offsets = [0];
    for (let i = 0; i < 48; i++) {
      const offset = choosePortOffset(instancePaths(`instance-${i}`, "/home"), taken);
      taken.add(offset);
      offsets.push(offset);
    }
    const ports = offsets.flatMap((offset) =>
      [postgresPort, ...services.map((s) => s.port), ...simulators.map((s) => s.port)].map((port) => port + offset),
    );
    assert.strictEqual(new Set(ports).size, ports.length);
    assert.isBelow(Math.max(...ports), 32_768);
    // Of those that the Fetch standard forbids to call, all others are below 8000.
    assert.notInclude(ports, 10_080);
    assert.throws(() => choosePortOffset(instancePaths("one-too-many", "/home"), taken), /all 48/);
  });

  it.live("a new instance goes where nobody listens, another checkout's shop included; `default` never moves", () =>
    Effect.gen(function* () {
      const home = yield* temporaryHome;
      const [one, two] = [instancePaths("one", home), instancePaths("default", home)];
      const busy = yield* freePort;
      yield* listener(busy);
      const first = choosePortOffset(one, new Set());
      const second = choosePortOffset(one, new Set([first]));
      const ports = (offset: number) => (offset === second ? [] : [{ port: busy }]);
      assert.strictEqual(yield* Effect.promise(() => freePortOffset(one, () => [])), first);
      assert.strictEqual(yield* Effect.promise(() => freePortOffset(one, ports)), second);
      assert.strictEqual(yield* Effect.promise(() => freePortOffset(two, ports)), 0);
    }),
  );
});

describe("processes.json", () => {
  it.live("reads back what was written", () =>
    Effect.gen(function* () {
      const { processesFile } = instancePaths("default", yield* temporaryHome);
      const entry = {
        pid: 7,
        startTime: "5",
        bootId: "b",
        service: "order",
        ports: [1],
        script: ["/s", "order"],
        startedAt: "t",
      };
      const supervisor = { pid: 6, startTime: "4", bootId: "b", since: "t" };
      writeProcesses(processesFile, { schemaVersion: 1, supervisor, processes: [entry] });
      assert.deepStrictEqual(readProcesses(processesFile), { schemaVersion: 1, supervisor, processes: [entry] });
    }),
  );

  it("a pid that names a group or init is never read, and damage drops the entry only", () => {
    const good = { pid: 7, startTime: "5", bootId: "b", service: "order", ports: [1], script: [], startedAt: "t" };
    const bad = [0, -1, 1, 1.5, "7"].map((pid) => ({ ...good, pid }));
    const file = parseProcesses({
      schemaVersion: 1,
      supervisor: { pid: -1 },
      processes: [...bad, good, null, { pid: 9 }],
    });
    assert.isNull(file.supervisor);
    assert.deepStrictEqual(file.processes, [good]);
    assert.deepStrictEqual(parseProcesses("text").processes, []);
  });
});

describe("the process table", () => {
  it("reads the start time behind any command name", () => {
    const rest = Array.from({ length: 20 }, (_, i) => String(i + 4));
    const text = `42 (a ) b (c) S 1 42 ${rest.slice(2).join(" ")}`;
    assert.deepStrictEqual(parseStat(text), { state: "S", group: 42, startTime: "22" });
  });

  it("counts the CPU time of children that have ended, so that a server's figure never goes back", () => {
    const fields = Array.from({ length: 15 }, (_, i) => String(i * 100));
    assert.deepStrictEqual(parseCpu(`42 (postgres) ${fields.join(" ")}`), { own: 23, endedChildren: 27 });
    if (process.platform !== "linux") return;
    const before = treeCpuSeconds(process.pid);
    execFileSync(process.execPath, ["-e", "while (process.cpuUsage().user < 500_000);"]);
    assert.isAtLeast(treeCpuSeconds(process.pid) - before, 0.5);
  });

  it("knows this process and not one that cannot be", () => {
    assert.strictEqual(identify(system, process.pid)?.pid, process.pid);
    assert.isUndefined(identify(system, 2 ** 22 + 1));
    assert.include(system.argv(process.pid)[0], "node");
  });
});

describe("the instance's lock", () => {
  it.live("is held by one, and a claim of a process that is gone does not count", () =>
    Effect.gen(function* () {
      const { lockDirectory } = instancePaths("default", yield* temporaryHome);
      const self = identify(system, process.pid);
      fs.mkdirSync(lockDirectory, { recursive: true });
      // The same pid with another start time: the process before a reuse of the number.
      const stale = path.join(lockDirectory, `${self?.bootId}_${process.pid}_1`);
      fs.writeFileSync(stale, "");
      assert.isUndefined(holder(system, lockDirectory));
      const held = tryAcquire(system, lockDirectory);
      assert.isTrue("release" in held);
      assert.isFalse(fs.existsSync(stale));
      assert.strictEqual(holder(system, lockDirectory)?.pid, process.pid);
      const second = tryAcquire(system, lockDirectory, process.ppid);
      assert.strictEqual("heldBy" in second ? second.heldBy.pid : 0, process.pid);
      if ("release" in held) held.release();
      assert.isUndefined(holder(system, lockDirectory));
    }),
  );
});

describe("the topology", () => {
  const options = (home: string, single: boolean) => {
    const paths = instancePaths("default", home);
    return {
      instance: openInstance(paths),
      paths,
      single,
      settings: settingsFrom({ DESTINY_PAYMENT_WINDOW: "5 seconds", DESTINY_PORT_OFFSET: "x" }),
      scripts: () => Scripts.sources,
    };
  };

  it.live("gives the signing key to the user service only", () =>
    Effect.gen(function* () {
      const specs = topology(options(yield* temporaryHome, false));
      const holders = specs.filter((spec) => "DESTINY_JWT_PRIVATE_JWK" in spec.environment).map((spec) => spec.name);
      assert.deepStrictEqual(holders, ["user"]);
    }),
  );

  it.live("passes settings on, but never a name that the supervisor sets itself", () =>
    Effect.gen(function* () {
      const input = options(yield* temporaryHome, true);
      const [, all] = topology(input);
      assert.strictEqual(all?.environment["DESTINY_PAYMENT_WINDOW"], "5 seconds");
      assert.strictEqual(all?.environment["DESTINY_PORT_OFFSET"], String(input.instance.portOffset));
      assert.deepStrictEqual(
        all?.hosts.map((host) => host.name),
        services.map((service) => service.name),
      );
    }),
  );

  it.live("a process may hold what all that it hosts may hold, up to a bound", () =>
    Effect.gen(function* () {
      const heaps = (single: boolean, home: string) =>
        topology(options(home, single)).map((spec) =>
          serviceFlags(spec).find((flag) => flag.startsWith("--max-old-space-size=")),
        );
      const home = yield* temporaryHome;
      assert.deepStrictEqual([...new Set(heaps(false, home))], ["--max-old-space-size=512"]);
      assert.deepStrictEqual(heaps(true, home), ["--max-old-space-size=512", "--max-old-space-size=2048"]);
    }),
  );

  it("counts connections for every pool", () => {
    const pools = services.reduce((sum, service) => sum + service.poolSize, 0);
    assert.isAbove(maxConnections, pools);
    assert.strictEqual(new Set(databases).size, services.length);
  });
});
