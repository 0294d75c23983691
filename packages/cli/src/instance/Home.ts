/**
 * Where an instance keeps its state.
 *
 * Guarantee: everything an instance writes, PostgreSQL's data under root excepted, lies below one folder,
 * `.destiny/<instance>/` in the repository root; `DESTINY_HOME` replaces `.destiny`.
 */
import { createHash } from "node:crypto";
import * as os from "node:os";
import * as path from "node:path";
import { CliError } from "../CliError.ts";

/** The product runs from its sources, so the repository is found from this file. */
export const repositoryRoot = path.resolve(import.meta.dirname, "../../../..");

export const defaultHome = (): string => {
  const home = process.env["DESTINY_HOME"];
  return home ? path.resolve(home) : path.join(repositoryRoot, ".destiny");
};

const namePattern = /^[a-z][a-z0-9-]{0,30}$/;

/** A folder name, a part of process arguments and of socket names: hence the narrow alphabet. */
export const instanceName = (input: string): string => {
  if (namePattern.test(input)) return input;
  throw new CliError({
    exit: "usage",
    code: "INSTANCE_NAME",
    message: `"${input}" is no instance name`,
    next: ["use 1 to 31 lower-case letters, digits and hyphens, a letter first: --instance black-friday"],
  });
};

export interface InstancePaths {
  readonly name: string;
  readonly home: string;
  readonly directory: string;
  readonly instanceFile: string;
  readonly processesFile: string;
  readonly lockDirectory: string;
  readonly socket: string;
  readonly logs: string;
  readonly runs: string;
  readonly simulators: string;
  readonly postgres: string;
}

// sockaddr_un holds 104 bytes on macOS and 108 on Linux, the final NUL included.
const maxSocketPathBytes = 103;

const socketPath = (directory: string): string => {
  const inside = path.join(directory, "control.sock");
  if (Buffer.byteLength(inside) <= maxSocketPathBytes) return inside;
  const digest = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  return path.join(os.tmpdir(), `destiny-${digest}.sock`);
};

export const instancePaths = (name: string, home: string = defaultHome()): InstancePaths => {
  const directory = path.join(home, instanceName(name));
  return {
    name,
    home,
    directory,
    instanceFile: path.join(directory, "instance.json"),
    processesFile: path.join(directory, "processes.json"),
    lockDirectory: path.join(directory, "lock"),
    socket: socketPath(directory),
    logs: path.join(directory, "logs"),
    runs: path.join(directory, "runs"),
    simulators: path.join(directory, "simulators"),
    postgres: path.join(directory, "pg"),
  };
};
