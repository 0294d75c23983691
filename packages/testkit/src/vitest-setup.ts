/**
 * Vitest global setup: one test cluster per run, whose port the tests get by `inject("pgPort")`.
 *
 * Vitest calls it once for each project, each time from another copy of this module; the count of users is therefore
 * kept in the process. The first one starts the cluster, the last one ends it.
 */
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import type { TestProject } from "vitest/node";
import * as TestCluster from "./postgres/TestCluster.ts";
import "./postgres/TestDatabase.ts";

interface Shared {
  users: number;
  readonly scope: Scope.Closeable;
  readonly cluster: Promise<TestCluster.TestCluster>;
}

const registry = globalThis as { [key: symbol]: Shared | undefined };
const key = Symbol.for("@destiny/testkit/TestCluster");

const open = (): Shared => {
  const scope = Scope.makeUnsafe();
  return { users: 0, scope, cluster: Effect.runPromise(Scope.provide(TestCluster.start(), scope)) };
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (registry[key] ??= open());
  shared.users += 1;
  const leave = async (): Promise<void> => {
    shared.users -= 1;
    if (shared.users > 0) return;
    registry[key] = undefined;
    await Effect.runPromise(Scope.close(shared.scope, Exit.void));
  };
  try {
    project.provide("pgPort", (await shared.cluster).port);
  } catch (cause) {
    await leave();
    throw cause;
  }
  return leave;
}
