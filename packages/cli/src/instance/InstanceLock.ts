/**
 * One supervisor per instance.
 *
 * Guarantee: at most one live process holds the lock, and a holder that was killed never blocks the next one.
 * A claim is a file named after the claimer's identity (boot, pid, start time), so a claim is stale exactly when that
 * process is gone, and removing a stale one is always safe: its name never comes back. Rejected: one lock file with a
 * pid in it, since taking over a stale one can remove the lock of who took it over a moment before; binding the control
 * socket, since a socket file outlives its owner as well.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { CliError } from "../CliError.ts";
import type { InstancePaths } from "./Home.ts";
import { type Identity, identify, type ProcessTable } from "./ProcessTable.ts";

export interface Held extends Identity {
  /** When the claim was made, ISO 8601. */
  readonly since: string;
}

const fileName = (identity: Identity): string =>
  `${identity.bootId.replaceAll(/[^A-Za-z0-9-]/g, "")}_${identity.pid}_${identity.startTime.replaceAll(/[^A-Za-z0-9]/g, "-")}`;

const claims = (directory: string): ReadonlyArray<Held & { readonly file: string }> => {
  const names = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  return names.flatMap((name) => {
    const [boot, pid, start] = name.split("_");
    if (boot === undefined || pid === undefined || start === undefined || !/^\d+$/.test(pid)) return [];
    const file = path.join(directory, name);
    const since = fs.statSync(file, { throwIfNoEntry: false })?.mtime.toISOString() ?? "unknown";
    return [{ bootId: boot, pid: Number(pid), startTime: start, since, file }];
  });
};

const live = (table: ProcessTable, claim: Identity): boolean => {
  const now = identify(table, claim.pid);
  return now !== undefined && fileName(now) === fileName(claim);
};

/** Who holds the lock now, if anybody. */
export const holder = (table: ProcessTable, directory: string, except?: number): Held | undefined => {
  const claim = claims(directory).find((candidate) => candidate.pid !== except && live(table, candidate));
  // The name of a claim is reduced to file-name characters; the answer is the identity itself.
  const identity = claim && identify(table, claim.pid);
  return claim && identity && { ...identity, since: claim.since };
};

/** One attempt. Two that claim in the same instant both withdraw, so the caller tries again after a random pause. */
export const tryAcquire = (
  table: ProcessTable,
  directory: string,
  pid: number = process.pid,
): { readonly release: () => void } | { readonly heldBy: Held } => {
  const self = identify(table, pid);
  if (self === undefined) throw new Error(`process ${pid} cannot be found in the process table`);
  fs.mkdirSync(directory, { recursive: true });
  for (const claim of claims(directory)) if (!live(table, claim)) fs.rmSync(claim.file, { force: true });
  const before = holder(table, directory);
  if (before !== undefined) return { heldBy: before };
  const file = path.join(directory, fileName(self));
  fs.writeFileSync(file, "");
  // Everybody writes first and looks second, so of two claimers at least one sees the other.
  const rival = holder(table, directory, pid);
  if (rival === undefined) return { release: () => fs.rmSync(file, { force: true }) };
  fs.rmSync(file, { force: true });
  return { heldBy: rival };
};

const maxLockAttempts = 20;
const lockPauseMillis = 50;

const alreadyRunning = (name: string, held: Held): CliError =>
  new CliError({
    exit: "conflict",
    code: "ALREADY_RUNNING",
    message: `instance ${name} is supervised by pid ${held.pid} since ${held.since}`,
    next: [
      `destiny status --instance ${name} shows it`,
      `destiny down --instance ${name} stops it`,
      "destiny up --instance NAME starts another one beside it",
    ],
  });

/** Takes the lock for the scope, or fails with ALREADY_RUNNING. */
export const acquire = (table: ProcessTable, paths: InstancePaths): Effect.Effect<void, CliError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      let seen: Held | undefined;
      for (let attempt = 0; attempt < maxLockAttempts; attempt++) {
        const outcome = tryAcquire(table, paths.lockDirectory);
        if ("release" in outcome) return outcome;
        // A rival that withdraws comes back with a new claim; one that is still there after the pause holds the lock.
        if (seen?.pid === outcome.heldBy.pid && seen.since === outcome.heldBy.since) break;
        seen = outcome.heldBy;
        yield* Effect.sleep(lockPauseMillis * (1 + Math.random()));
      }
      return yield* Effect.fail(
        alreadyRunning(paths.name, seen ?? { pid: 0, startTime: "", bootId: "", since: "a moment" }),
      );
    }),
    ({ release }) => Effect.sync(release),
  );
