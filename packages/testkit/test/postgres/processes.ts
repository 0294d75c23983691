/** Real processes for the tests of this folder. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { InstanceCluster } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type * as Scope from "effect/Scope";

export const password = Redacted.make("p@ss word/1");

/** A process that is killed with the scope at the latest. */
export const command = (
  program: string,
  args: ReadonlyArray<string>,
  ids?: { readonly uid: number; readonly gid: number },
): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(program, args, { ...ids, cwd: "/", stdio: ["ignore", "pipe", "inherit"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  );

/** Runs a file of `fixtures/`. */
export const fixture = (name: string, ...args: ReadonlyArray<string>) =>
  command(process.execPath, [
    "--conditions=@destiny/source",
    path.join(import.meta.dirname, "fixtures", `${name}.ts`),
    ...args,
  ]);

/** The first line the process writes, parsed as JSON; dies if it ends without one. */
export const firstLine = <A>(child: ChildProcess): Effect.Effect<A> =>
  Effect.callback((resume) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resume(Effect.succeed(JSON.parse(text.slice(0, text.indexOf("\n"))) as A));
    });
    child.once("exit", (code) => resume(Effect.die(new Error(`ended with ${code} before it said anything`))));
  });

/** `kill -9`, and the end of the process. */
export const kill9 = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void);
    child.once("exit", () => resume(Effect.void));
    child.kill("SIGKILL");
  });

export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer();
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resume(Effect.succeed(port)));
  });
});

/** A private folder that goes with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "destiny-cluster-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
);

/** Folder and port of an instance; its server and data go with the scope. */
export const instance = Effect.gen(function* () {
  const directory = yield* folder;
  const port = yield* freePort;
  yield* Effect.addFinalizer(() => Effect.orDie(InstanceCluster.remove({ directory })));
  return { directory, port, password };
});
