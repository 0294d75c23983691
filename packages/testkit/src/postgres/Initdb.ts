/**
 * Makes the data folder of a durable cluster.
 *
 * Guarantee: `<home>/data` is either absent or complete. `initdb` works in a folder of another name which is renamed at
 * the end, so that a half-made cluster is never started; leftovers of killed starters are swept by the next start.
 * Two starters at once are safe: the second finds the first one's folder in place and drops its own.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Schedule from "effect/Schedule";
import * as Account from "./Account.ts";
import * as Binaries from "./Binaries.ts";
import * as Postmaster from "./Postmaster.ts";
import { fail, files, InitFailed, type PostgresError, UnsafePath } from "./PostgresError.ts";

const maxLogChars = 8_000;

const isComplete = (data: string): boolean => fs.existsSync(path.join(data, "PG_VERSION"));

const eraseEveryMillis = 50;
const maxEraseAttempts = 40;

/** A dying initdb may still write: tried until the folder is gone, or left to the next start. */
const erase = (folder: string): Effect.Effect<void> =>
  files("Initdb.erase", () => {
    fs.rmSync(folder, { recursive: true, force: true });
    // It has been seen to succeed and the folder to be there afterwards.
    if (fs.existsSync(folder)) throw new Error(`${folder} is still there`);
  }).pipe(Effect.retry({ times: maxEraseAttempts - 1, schedule: Schedule.spaced(eraseEveryMillis) }), Effect.ignore);

/** Removes what starters that are dead left half-made. */
const sweep = Effect.fn("Initdb.sweep")(function* (home: string) {
  const names = yield* files("Initdb.sweep", () => fs.readdirSync(home));
  for (const name of names) {
    const pid = /^init-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && Postmaster.commandLine(Number(pid)) === undefined) yield* erase(path.join(home, name));
  }
});

/**
 * Runs a program and ends it, with all its children, when stdin closes: an orphaned initdb would write on in a folder
 * that the next starter is just removing.
 */
const watchdog = `
exec 3<&0
trap : TERM
"$@" </dev/null &
pid=$!
( cat <&3 >/dev/null; kill -TERM 0 ) &
wait $pid
code=$?
kill -TERM 0
exit $code
`;

const run = (program: string, args: ReadonlyArray<string>, account: Account.Account) =>
  Effect.callback<void, PostgresError>((resume) => {
    let log = "";
    const failed = () => resume(fail("Initdb.ensure", new InitFailed({ log: log.trimEnd() })));
    const child = spawn("/bin/sh", ["-c", watchdog, "watchdog", program, ...args], {
      ...account.ids,
      cwd: "/",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        log = (log + chunk).slice(-maxLogChars);
      });
    }
    const closed = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
    });
    child.once("error", (cause) => {
      log += String(cause);
      failed();
    });
    child.once("close", (code) => (code === 0 ? resume(Effect.void) : failed()));
    return Effect.promise(() => {
      child.stdin.end();
      return closed;
    });
  });

const fsyncFolder = (folder: string): void => {
  const descriptor = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
};

/** Puts `made` in the place of `data`; answers false if another starter was faster. */
const publish = (made: string, data: string): boolean => {
  try {
    fs.renameSync(made, data);
    fsyncFolder(path.dirname(data));
    return true;
  } catch (cause) {
    if (isComplete(data)) return false;
    throw cause;
  }
};

export interface Options {
  readonly home: string;
  readonly data: string;
  readonly superuser: string;
  readonly password: Redacted.Redacted;
}

/** Answers whether the cluster was created by this call. */
export const ensure = Effect.fn("Initdb.ensure")(function* (
  options: Options,
  binaries: Binaries.Binaries,
  account: Account.Account,
): Effect.fn.Return<boolean, PostgresError> {
  const operation = "Initdb.ensure";
  const { data, home } = options;
  yield* sweep(home);
  if (isComplete(data)) {
    yield* Account.requireOwned(data, Account.uidOf(account));
    return false;
  }
  if (yield* files(operation, () => fs.existsSync(data) && fs.readdirSync(data).length > 0)) {
    return yield* fail(operation, new UnsafePath({ path: data, why: "is neither empty nor a PostgreSQL cluster" }));
  }
  return yield* Effect.acquireUseRelease(
    files(operation, () => {
      const folder = fs.mkdtempSync(path.join(home, `init-${process.pid}-`));
      const passwordFile = path.join(folder, "password");
      fs.writeFileSync(passwordFile, Redacted.value(options.password), { flag: "wx", mode: 0o600 });
      Account.give(account, passwordFile);
      Account.give(account, folder);
      return { folder, passwordFile, made: path.join(folder, "data") };
    }),
    ({ made, passwordFile }) =>
      run(
        binaries.initdb,
        [
          `--pgdata=${made}`,
          `--username=${options.superuser}`,
          `--pwfile=${passwordFile}`,
          "--auth=scram-sha-256",
          "--encoding=UTF8",
          "--locale=C",
          `--lc-ctype=${Binaries.ctype}`,
          "--data-checksums",
          "--no-instructions",
        ],
        account,
      ).pipe(Effect.andThen(files(operation, () => publish(made, data)))),
    ({ folder }) => erase(folder),
  );
});
