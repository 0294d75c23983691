/**
 * The state of an instance, read when it is asked for: no background probes, so an idle shop stays idle.
 *
 * Guarantee: `ready` means that the service answered its readiness probe during this call.
 */
import { readProcesses } from "../instance/ProcessesFile.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import type { InstancePaths } from "../instance/Home.ts";
import {
  cpuSeconds,
  isAlive,
  pssMb,
  type ProcessTable,
  treeCpuSeconds,
  withDescendants,
} from "../instance/ProcessTable.ts";
import type { Component, ServiceStatus, StatusReport } from "../StatusReport.ts";
import { isReady, type HostedService, type ProcessSpec } from "./ServiceProcess.ts";
import * as Scripts from "./Scripts.ts";
import { postgresPort, topology } from "./Topology.ts";
import type { Unit } from "./Unit.ts";

const maxRestartsShown = 50;

/** The settings that are shown: a setting may be a secret, so none is shown that is not named here. */
const timings: ReadonlySet<string> = new Set([
  "DESTINY_PAYMENT_WINDOW",
  "DESTINY_HOLD_LIFETIME",
  "DESTINY_PAYMENT_SETTLE",
  "DESTINY_PAYMENT_TIMEOUT",
]);

const url = (port: number): string => `http://127.0.0.1:${port}`;

interface Database {
  readonly healthy: boolean;
  readonly version: string;
}

/** Which implementation serves each port of the design in the embedded profile. */
const components = (
  instance: Instance,
  database: Database,
  simulators: ReadonlyArray<Component>,
): ReadonlyArray<Component> => {
  const { version, healthy } = database;
  const address = `127.0.0.1:${postgresPort + instance.portOffset}`;
  return [
    { port: "database", implementation: "PostgreSQL (embedded)", version, address, healthy },
    { port: "bus", implementation: "PostgresBus", version, address: `${address}/destiny_bus`, healthy },
    { port: "search", implementation: "PostgreSQL", version, address: `${address}/destiny_product`, healthy },
    {
      port: "cache",
      implementation: "in process",
      version: process.version,
      address: "in each service",
      healthy: true,
    },
    ...simulators,
  ];
};

const simulatorComponent = (host: HostedService, healthy: boolean): Component => ({
  port: host.name === "slack" ? "notifications" : `payment gateway ${host.name}`,
  implementation: "simulator",
  version: process.version,
  address: url(host.port),
  healthy,
});

const serviceStatus = async (host: HostedService, unit: Unit | undefined, pss: number): Promise<ServiceStatus> => {
  const state = unit?.state() ?? "stopped";
  return {
    name: host.name,
    pid: unit?.running()?.pid ?? 0,
    port: host.port,
    state: state === "ready" && !(await isReady(host)) ? "degraded" : state,
    restarts: unit?.restartCount() ?? 0,
    pssMb: pss,
    url: url(host.port),
  };
};

/** By the supervisor itself. */
export const report = async (input: {
  readonly instance: Instance;
  readonly processes: ReadonlyArray<ProcessSpec>;
  readonly units: ReadonlyArray<Unit>;
  readonly since: string;
  readonly databaseVersion: string;
  readonly settings: Readonly<Record<string, string>>;
}): Promise<StatusReport> => {
  const { instance, processes, units } = input;
  const pidsOf = (unit: Unit): ReadonlyArray<number> => {
    const pid = unit.running()?.pid ?? 0;
    return pid === 0 ? [] : unit.name === "postgres" ? withDescendants(pid) : [pid];
  };
  const sum = (pids: ReadonlyArray<number>, of: (pid: number) => number): number =>
    pids.reduce((total, pid) => total + of(pid), 0);
  const memory = new Map(units.map((unit) => [unit.name, sum(pidsOf(unit), pssMb)] as const));
  const cpu = { services: 0, postgres: 0, simulators: 0, supervisor: cpuSeconds(process.pid) };
  for (const unit of units) {
    const pid = unit.running()?.pid ?? 0;
    if (pid === 0) continue;
    if (unit.name === "postgres") cpu.postgres += treeCpuSeconds(pid);
    else cpu[unit.name === "simulators" ? "simulators" : "services"] += cpuSeconds(pid);
  }
  const own = pssMb(process.pid);
  const total = [...memory.values()].reduce((sum, mb) => sum + mb, own);
  const services: Array<ServiceStatus> = [];
  const simulators: Array<Component> = [];
  for (const spec of processes) {
    const unit = units.find((candidate) => candidate.name === spec.name);
    const statuses = await Promise.all(
      spec.hosts.map((host) =>
        serviceStatus(host, unit, Math.round((10 * (memory.get(spec.name) ?? 0)) / spec.hosts.length) / 10),
      ),
    );
    if (spec.name !== "simulators") services.push(...statuses);
    else
      statuses.forEach(
        (status, i) => spec.hosts[i] && simulators.push(simulatorComponent(spec.hosts[i], status.state === "ready")),
      );
  }
  const database = units.find((unit) => unit.name === "postgres");
  return {
    instance: instance.name,
    profile: instance.profile,
    components: components(
      instance,
      { healthy: database?.state() === "ready", version: input.databaseVersion },
      simulators,
    ),
    services,
    supervisor: { pid: process.pid, since: input.since, pssMb: own },
    memoryMb: Math.round(total * 10) / 10,
    cpuSeconds: cpu,
    settings: Object.fromEntries(Object.entries(input.settings).filter(([name]) => timings.has(name))),
    restarts: units
      .flatMap((unit) => unit.restarts())
      .sort((a, b) => a.at.localeCompare(b.at))
      .slice(-maxRestartsShown),
  };
};

/** By a command, when no supervisor answers: what the files and the process table say. */
export const reportStopped = (table: ProcessTable, paths: InstancePaths, instance: Instance): StatusReport => {
  const recorded = readProcesses(paths.processesFile).processes;
  const specs = topology({ instance, paths, single: false, settings: {}, scripts: () => Scripts.sources });
  const services = specs.filter((spec) => spec.name !== "simulators").flatMap((spec) => spec.hosts);
  const simulators = specs.filter((spec) => spec.name === "simulators").flatMap((spec) => spec.hosts);
  return {
    instance: instance.name,
    profile: instance.profile,
    components: components(
      instance,
      { healthy: false, version: "" },
      simulators.map((host) => simulatorComponent(host, false)),
    ),
    services: services.map((host) => {
      const entry = recorded.find((candidate) => candidate.ports.includes(host.port));
      const pid = entry !== undefined && isAlive(table, entry) ? entry.pid : 0;
      const pss = pid === 0 ? 0 : pssMb(pid);
      return { name: host.name, pid, port: host.port, state: "stopped", restarts: 0, pssMb: pss, url: url(host.port) };
    }),
    supervisor: null,
    memoryMb: 0,
    cpuSeconds: { services: 0, postgres: 0, simulators: 0, supervisor: 0 },
    settings: {},
    restarts: [],
  };
};
