/** What the tests of a load have in common: a folder, a job, and the sums that always hold. */
import type { Summary } from "@destiny/testkit/scenario";
import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

export const folder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "destiny-load-"))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true })),
);

export const scenarioFile = (name: string) =>
  fileURLToPath(new URL(`../../../../scenarios/${name}.ts`, import.meta.url));

export const jobOf = (into: string, shopUrl: string, changes: Partial<Summary.Job> = {}): Summary.Job => ({
  run: "run-1",
  scenario: scenarioFile("steady"),
  seed: 42,
  options: {},
  shopUrl,
  simulators: { TOSSPAYMENTS: shopUrl },
  users: Array.from({ length: 12 }, (_, index) => ({ username: `user${index}`, password: "Passw0rd!" })),
  hotProductIds: ["p2"],
  folder: into,
  ...changes,
});

export const sumsHold = ({ orders, droppedBecause, dropped }: Summary.Summary, droppedOrders: number) => {
  assert.strictEqual(orders.offered, orders.placed + orders.refused + droppedOrders);
  const { completed, soldOut, unpaid, cancelled, failed, open } = orders;
  assert.strictEqual(orders.placed, completed + soldOut + unpaid + cancelled + failed + open);
  assert.strictEqual(dropped, droppedBecause.busy + droppedBecause.late + droppedBecause.interrupted);
};
