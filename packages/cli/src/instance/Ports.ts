/** Whether a port is free, and who has it when it is not. */
import { createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { CliError } from "../CliError.ts";
import type { InstancePaths } from "./Home.ts";
import { choosePortOffset, neighbours } from "./InstanceFile.ts";
import type { ProcessTable } from "./ProcessTable.ts";

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });

/**
 * The offset of an instance that is to be made: of the first slot that no neighbour has and where nobody listens now, which
 * keeps two checkouts on one machine apart. `default` promises its ports, so it never moves.
 */
export const freePortOffset = async (
  paths: InstancePaths,
  portsOf: (offset: number) => ReadonlyArray<{ readonly port: number }>,
): Promise<number> => {
  const taken = new Set(neighbours(paths));
  for (;;) {
    const offset = choosePortOffset(paths, taken);
    const free = await Promise.all(portsOf(offset).map(({ port }) => isFree(port)));
    if (offset === 0 || free.every(Boolean)) return offset;
    taken.add(offset);
  }
};

/** Best effort: another user's process is invisible, and the tool behind the look-up may be missing. */
export const holderOf = async (port: number): Promise<number | undefined> => {
  try {
    const { portToPid } = await import("pid-port");
    return await portToPid({ port, host: "*" });
  } catch {
    return undefined;
  }
};

const portTaken = (table: ProcessTable, port: number, wanted: string, pid: number | undefined): CliError => {
  const command = pid === undefined ? "" : table.argv(pid).join(" ").slice(0, 200);
  const who =
    pid === undefined ? "a process that cannot be seen from here (of another user?)" : `pid ${pid} (${command})`;
  return new CliError({
    exit: "conflict",
    code: "PORT_TAKEN",
    message: `port ${port}, wanted for ${wanted}, is held by ${who}`,
    next: [
      pid === undefined
        ? `find it (ss -ltnp 'sport = :${port}') and stop it`
        : `stop it (kill ${pid}) and run the command again`,
      "or start beside it on other ports: destiny up --instance NAME",
    ],
  });
};

/** The threads of a killed process let go of its ports a moment after the process itself is gone. */
const maxGraceMillis = 2_000;
const pollMillis = 50;

/** Fails on the first port that somebody else has. */
export const requireFree = async (
  table: ProcessTable,
  wanted: ReadonlyArray<{ readonly port: number; readonly name: string }>,
): Promise<void> => {
  for (const { port, name } of wanted) {
    for (let waited = 0; !(await isFree(port)); waited += pollMillis) {
      const pid = await holderOf(port);
      if (pid !== undefined || waited >= maxGraceMillis) throw portTaken(table, port, name, pid);
      await setTimeout(pollMillis);
    }
  }
};
