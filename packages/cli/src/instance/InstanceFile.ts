/**
 * `instance.json`: what an instance is, fixed when it is first used.
 *
 * Guarantee: the id, the port offset and the secrets of an instance never change while its folder exists, and only the
 * owner can read them (mode 0600).
 */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { CliError } from "../CliError.ts";
import { readJson, writeAtomic } from "./Files.ts";
import type { InstancePaths } from "./Home.ts";

export type Profile = "embedded" | "compose" | "external";

export interface InstanceSecrets {
  readonly postgresPassword: string;
  readonly tossSecretKey: string;
  /** Ed25519, private, as JSON text: given to the user service and to no other process; `run/Operator.ts` signs with it. */
  readonly userPrivateJwk: string;
}

export interface Instance {
  readonly schemaVersion: 1;
  readonly name: string;
  /** Stands in the arguments of every process of the instance; unique over all checkouts. */
  readonly id: string;
  readonly profile: Profile;
  readonly portOffset: number;
  readonly createdAt: string;
  readonly secrets: InstanceSecrets;
}

// Offsets are multiples of 200: every port of the catalogue and PostgreSQL's differ modulo 200, so two instances never
// meet, and the highest port stays below the range that systems give to outgoing connections (32768).
const offsetStep = 200;
const maxOffset = 9800;
/** The gateway would be at 10080, which `fetch` and browsers refuse to call (the Fetch standard's "bad ports"). */
const unreachableOffset = 2000;
const offsets: ReadonlyArray<number> = Array.from(
  { length: maxOffset / offsetStep },
  (_, slot) => (slot + 1) * offsetStep,
).filter((offset) => offset !== unreachableOffset);

/**
 * `default` has offset 0; any other one begins at a slot of its own and takes the first that is not taken. The slot
 * follows from the folder and not from the name, so that two checkouts which start at the same moment hardly ever meet.
 */
export const choosePortOffset = (
  { directory, name }: Pick<InstancePaths, "directory" | "name">,
  taken: ReadonlySet<number>,
): number => {
  if (name === "default") return 0;
  const first = createHash("sha256").update(directory).digest().readUInt16BE(0) % offsets.length;
  const free = [...offsets.slice(first), ...offsets.slice(0, first)].find((offset) => !taken.has(offset));
  if (free !== undefined) return free;
  throw new CliError({
    exit: "conflict",
    code: "TOO_MANY_INSTANCES",
    message: `all ${offsets.length} port ranges are in use by other instances`,
    next: ["destiny down --volumes --instance NAME frees one"],
  });
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export const parseInstance = (json: unknown): Instance | undefined => {
  if (!isRecord(json) || json["schemaVersion"] !== 1 || !isRecord(json["secrets"])) return undefined;
  const { name, id, profile, portOffset, createdAt } = json;
  const { postgresPassword, tossSecretKey, userPrivateJwk } = json["secrets"];
  if (typeof name !== "string" || typeof id !== "string" || !/^[a-z0-9-]+$/.test(id)) return undefined;
  if (profile !== "embedded" && profile !== "compose" && profile !== "external") return undefined;
  if (typeof portOffset !== "number" || !Number.isInteger(portOffset) || portOffset < 0) return undefined;
  if (typeof createdAt !== "string" || typeof postgresPassword !== "string") return undefined;
  if (typeof tossSecretKey !== "string" || typeof userPrivateJwk !== "string") return undefined;
  const secrets = { postgresPassword, tossSecretKey, userPrivateJwk };
  return { schemaVersion: 1, name, id, profile, portOffset, createdAt, secrets };
};

const newUserKey = (): string => {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  // RFC 8037: the thumbprint is over the required public members in alphabetical order.
  const thumbprint = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x });
  const kid = createHash("sha256").update(thumbprint).digest("base64url");
  return JSON.stringify({ ...jwk, alg: "EdDSA", use: "sig", kid });
};

/** Port offsets of the other instances in the same home. */
export const neighbours = (paths: InstancePaths): ReadonlySet<number> => {
  const offsets = new Set<number>();
  const folders = fs.existsSync(paths.home) ? fs.readdirSync(paths.home) : [];
  for (const folder of folders) {
    if (folder === paths.name) continue;
    const other = parseInstance(readJson(path.join(paths.home, folder, "instance.json")));
    if (other !== undefined) offsets.add(other.portOffset);
  }
  return offsets;
};

export const readInstance = (paths: InstancePaths): Instance | undefined => {
  if (!fs.existsSync(paths.instanceFile)) return undefined;
  const instance = parseInstance(readJson(paths.instanceFile));
  if (instance !== undefined) return instance;
  throw new CliError({
    exit: "environment",
    code: "INSTANCE_FILE",
    message: `${paths.instanceFile} cannot be read as an instance of this version`,
    next: ["restore the file, or move the folder away to begin with an empty instance"],
  });
};

/** Reads the instance, or makes it with that offset. Call with the instance's lock held. */
export const openInstance = (
  paths: InstancePaths,
  portOffset: number = choosePortOffset(paths, neighbours(paths)),
): Instance => {
  const existing = readInstance(paths);
  if (existing !== undefined) return existing;
  const instance: Instance = {
    schemaVersion: 1,
    name: paths.name,
    id: `${paths.name}-${randomBytes(5).toString("hex")}`,
    profile: "embedded",
    portOffset,
    createdAt: new Date().toISOString(),
    secrets: {
      postgresPassword: randomBytes(18).toString("hex"),
      tossSecretKey: `test_sk_${randomBytes(16).toString("hex")}`,
      userPrivateJwk: newUserKey(),
    },
  };
  writeAtomic(paths.instanceFile, `${JSON.stringify(instance, undefined, 2)}\n`);
  return instance;
};

/** The argument that marks a process as this instance's. */
export const instanceArgument = (id: string): string => `--destiny-instance=${id}`;
