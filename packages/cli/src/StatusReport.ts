/** What `destiny status --json` prints. Names and meanings are fixed; fields may be added. */
import type { Profile } from "./instance/InstanceFile.ts";

export type ServiceState = "starting" | "ready" | "degraded" | "restarting" | "stopped";

export interface Restart {
  readonly service: string;
  readonly at: string;
  readonly reason: string;
  /** From the death until ready again; null while it is still recovering. */
  readonly recoveredMs: number | null;
}

export interface ServiceStatus {
  readonly name: string;
  /** 0 when no process runs. */
  readonly pid: number;
  readonly port: number;
  readonly state: ServiceState;
  readonly restarts: number;
  readonly pssMb: number;
  readonly url: string;
}

export interface Component {
  readonly port: string;
  readonly implementation: string;
  readonly version: string;
  readonly address: string;
  readonly healthy: boolean;
}

/** CPU time used so far by the processes that run now, in seconds; a process that was started again begins at 0. */
export interface CpuSeconds {
  readonly services: number;
  /** With its back ends, also those that have ended. */
  readonly postgres: number;
  readonly simulators: number;
  readonly supervisor: number;
}

export interface StatusReport {
  readonly instance: string;
  readonly profile: Profile;
  readonly components: ReadonlyArray<Component>;
  readonly services: ReadonlyArray<ServiceStatus>;
  readonly supervisor: { readonly pid: number; readonly since: string; readonly pssMb: number } | null;
  /** Sum of PSS: services, supervisor, simulators and PostgreSQL with its back ends. */
  readonly memoryMb: number;
  readonly cpuSeconds: CpuSeconds;
  /** What the services were told about time, by variable; a variable that is absent has its default. */
  readonly settings: Readonly<Record<string, string>>;
  /** The latest restarts, newest last. */
  readonly restarts: ReadonlyArray<Restart>;
}

export const isHealthy = (report: StatusReport): boolean =>
  report.supervisor !== null &&
  report.services.every((service) => service.state === "ready") &&
  report.components.every((component) => component.healthy);
