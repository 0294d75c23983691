import setup from "@destiny/testkit/vitest-setup";
import { TestDatabase } from "@destiny/testkit/postgres";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import type { TestProject } from "vitest/node";

const connects = (port: number): Effect.Effect<boolean> =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`).pipe(
    Effect.provide(Layer.fresh(TestDatabase.layer(port))),
    Effect.isSuccess,
  );

describe("vitest-setup", () => {
  it.live("all projects of a run share one cluster, and the last one to leave ends it", () =>
    Effect.gen(function* () {
      const ports: Array<number> = [];
      const project = { provide: (_key: string, port: number) => ports.push(port) } as unknown as TestProject;
      const [leaveFirst, leaveLast] = yield* Effect.promise(() => Promise.all([setup(project), setup(project)]));
      const port = ports[0] ?? 0;
      assert.deepStrictEqual(ports, [port, port]);
      yield* Effect.promise(leaveFirst);
      assert.isTrue(yield* connects(port));
      yield* Effect.promise(leaveLast);
      assert.isFalse(yield* connects(port));
    }),
  );
});
