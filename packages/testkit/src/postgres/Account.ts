/**
 * Which user PostgreSQL runs as, and which folders that user can reach.
 *
 * PostgreSQL refuses to run as root. Run by root it gets an unprivileged account that exists everywhere, so that no
 * user has to be created; run by anybody else it runs as that user.
 */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as Effect from "effect/Effect";
import { fail, files, NotSupported, type PostgresError, UnsafePath } from "./PostgresError.ts";

/** Ids to give to a child process; undefined means: those of this process. */
export interface Account {
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
}

/** On macOS `nobody` is uid -2, which chown does not take. */
const accountName = process.platform === "darwin" ? "daemon" : "nobody";

/** The account PostgreSQL runs as on this machine. */
export const unprivileged: Effect.Effect<Account, PostgresError> = Effect.suspend(
  (): Effect.Effect<Account, PostgresError> => {
    if (process.getuid?.() !== 0) return Effect.succeed({ ids: undefined });
    const id = (flag: string): number =>
      Number.parseInt(execFileSync("id", [flag, accountName], { encoding: "utf8" }), 10);
    return Effect.try({ try: () => ({ ids: { uid: id("-u"), gid: id("-g") } }), catch: () => undefined }).pipe(
      Effect.catch(() =>
        fail(
          "Account.unprivileged",
          new NotSupported({
            platform: process.platform,
            hint: `PostgreSQL does not run as root and there is no user "${accountName}" to run it as; use another user`,
          }),
        ),
      ),
    );
  },
);

export const uidOf = (account: Account): number => account.ids?.uid ?? process.getuid?.() ?? -1;

/** Whether the account can use files below `directory`. Asked of the kernel: mode bits alone do not know of ACLs. */
export const canEnter = (account: Account, directory: string): boolean =>
  account.ids === undefined ||
  spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", directory], { ...account.ids, cwd: "/", stdio: "ignore" }).status === 0;

/** Hands a file or folder over to the account. Call it only on what this process has just created. */
export const give = (account: Account, path: string): void => {
  if (account.ids !== undefined) fs.lchownSync(path, account.ids.uid, account.ids.gid);
};

/** Fails unless `directory` is a real folder of user `uid` in which no other user can put anything. */
export const requireOwned = Effect.fn("Account.requireOwned")(function* (directory: string, uid: number) {
  const operation = "Account.requireOwned";
  const stat = yield* files(operation, () => fs.lstatSync(directory));
  const why = !stat.isDirectory()
    ? "is not a folder"
    : stat.uid !== uid
      ? `belongs to user ${stat.uid}, not to user ${uid}`
      : (stat.mode & 0o022) !== 0
        ? "can be written by other users"
        : undefined;
  if (why !== undefined) return yield* fail(operation, new UnsafePath({ path: directory, why }));
});
