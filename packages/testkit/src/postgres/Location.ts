/**
 * Where the data of an instance lies, and the file `cluster.json` that says so.
 *
 * The data lies in `<directory>/data`. Run by root, it lies in a folder of the temp folder if the account of PostgreSQL
 * cannot reach `directory`; `/var/tmp` is preferred, since it outlives a reboot. `cluster.json` is the pointer that lets
 * another process find the cluster given the directory alone.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as Account from "./Account.ts";
import * as Binaries from "./Binaries.ts";
import { fail, files, InvalidName, type PostgresError } from "./PostgresError.ts";

export class Location extends Schema.Class<Location>("Location")({
  instance: Schema.String,
  /** Where this file was written: a copied or moved directory does not lead to the data of the original. */
  directory: Schema.String,
  /** Parent of `data`, and of the half-made clusters. */
  home: Schema.String,
  data: Schema.String,
  port: Schema.Int,
  superuser: Schema.String,
  logFile: Schema.String,
}) {}

const codec = Schema.fromJsonString(Location);

const pointer = (directory: string): string => path.join(directory, "cluster.json");

const instanceName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;

/** What the last start left behind; none if this directory never held a cluster. */
export const read = (directory: string): Option.Option<Location> => {
  try {
    const content = fs.readFileSync(pointer(fs.realpathSync(directory)), "utf8");
    return Option.some(Schema.decodeSync(codec)(content));
  } catch {
    return Option.none();
  }
};

export interface Wanted {
  readonly directory: string;
  /** Default: derived from the directory. */
  readonly instance: string | undefined;
  readonly port: number;
  readonly superuser: string;
  readonly logFile: string | undefined;
}

const chooseHome = Effect.fn("Location.chooseHome")(function* (
  directory: string,
  instance: string,
  account: Account.Account,
): Effect.fn.Return<string, PostgresError> {
  const operation = "Location.chooseHome";
  if (account.ids === undefined) return directory;
  // The account may pass through, not list. Whether it can reach this folder at all is up to the parents.
  yield* files(operation, () => fs.chmodSync(directory, fs.statSync(directory).mode | 0o011));
  if (Account.canEnter(account, directory)) return directory;
  const home = path.join(yield* Binaries.tempFolder(account, true), `destiny-data-${instance}`);
  yield* files(operation, () => {
    try {
      fs.mkdirSync(home, { mode: 0o711 });
      fs.chmodSync(home, 0o711);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    }
  });
  yield* Account.requireOwned(home, process.getuid?.() ?? -1);
  return home;
});

/** Creates the folders and the pointer. A cluster that exists stays where it is. */
export const prepare = Effect.fn("Location.prepare")(function* (wanted: Wanted, account: Account.Account) {
  const operation = "Location.prepare";
  const directory = yield* files(operation, () => {
    fs.mkdirSync(wanted.directory, { recursive: true, mode: 0o711 });
    return fs.realpathSync(wanted.directory);
  });
  const instance = wanted.instance ?? createHash("sha256").update(directory).digest("hex").slice(0, 16);
  if (!instanceName.test(instance)) {
    return yield* fail(operation, new InvalidName({ name: instance, allowed: instanceName.source }));
  }
  const before = read(directory);
  const home =
    Option.isSome(before) && before.value.directory === directory && fs.existsSync(before.value.data)
      ? before.value.home
      : yield* chooseHome(directory, instance, account);
  const location = new Location({
    instance,
    directory,
    home,
    data: path.join(home, "data"),
    port: wanted.port,
    superuser: wanted.superuser,
    logFile: wanted.logFile === undefined ? path.join(directory, "postgres.log") : path.resolve(wanted.logFile),
  });
  yield* files(operation, () => {
    const replacement = `${pointer(directory)}.${process.pid}`;
    fs.writeFileSync(replacement, `${Schema.encodeSync(codec)(location)}\n`, { mode: 0o600 });
    fs.renameSync(replacement, pointer(directory));
  });
  return location;
});

/** Deletes the data, the log and the pointer, nothing else that lies in the directory. The server must be stopped. */
export const remove = (location: Location): Effect.Effect<void, PostgresError> =>
  files("Location.remove", () => {
    const { data, directory, home, logFile } = location;
    for (const target of [data, logFile, `${logFile}.1`, ...(home === directory ? [] : [home]), pointer(directory)]) {
      fs.rmSync(target, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    }
  });
