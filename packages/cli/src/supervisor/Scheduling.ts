/**
 * How the kernel shares the cores among the processes of a shop.
 *
 * They run under Linux's batch policy: a process that is woken waits until the running one gives up its core or has used its
 * turn, instead of taking the core from it. A shop is dozens of processes that wake each other at every message; when they may
 * also interrupt each other, the one that wakes four others by four writes loses its core four times. On two cores, at 100
 * orders a second, the 99th percentile of `POST /v1/orders` was 185 to 237 ms without and 78 to 103 ms with it (docs/decisions/0023).
 *
 * The policy is inherited, so it is set once, on the supervisor, before it starts anything. It needs no privilege. Where there
 * is no `chrt` (it is a part of util-linux), or it refuses, the shop runs as it would have.
 */
import { execFile } from "node:child_process";
import * as Effect from "effect/Effect";

const timeoutMillis = 2000;

/** Ends when this process, and so whatever it starts from now on, is under the policy, or cannot be. */
export const batch: Effect.Effect<void> = Effect.callback((resume) => {
  if (process.platform !== "linux") return resume(Effect.void);
  execFile("chrt", ["--batch", "--pid", "0", String(process.pid)], { timeout: timeoutMillis }, () =>
    resume(Effect.void),
  );
});
