/**
 * PostgreSQL as a unit: the one place that knows how the embedded server is started.
 *
 * Guarantee: its data survives every kind of end, its own and the supervisor's; a server that a killed supervisor left
 * running is adopted or restarted on the same data.
 */
import type { Running, UnitSpec } from "./Unit.ts";

export interface DatabaseOptions {
  readonly instanceId: string;
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly maxConnections: number;
  readonly logFile: string;
  readonly databases: ReadonlyArray<string>;
}

/** A started server that accepts connections. */
export interface DatabaseServer {
  /** The postmaster; 0 when it is not known. */
  readonly pid: number;
  readonly version: string;
  readonly exited: Promise<string>;
  readonly stop: () => void;
  readonly kill: () => void;
}

export type StartDatabase = (options: DatabaseOptions) => Promise<DatabaseServer>;

export const databaseUnit = (
  start: StartDatabase,
  options: DatabaseOptions,
  log: Pick<UnitSpec, "tail" | "logCommand">,
  onVersion: (version: string) => void,
): UnitSpec => ({
  name: "postgres",
  ...log,
  launch: async (): Promise<Running> => {
    const server = await start(options);
    onVersion(server.version);
    return {
      pid: server.pid,
      exited: server.exited,
      isReady: () => Promise.resolve(true),
      drain: server.stop,
      kill: server.kill,
    };
  },
});
