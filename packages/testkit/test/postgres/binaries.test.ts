import * as fs from "node:fs";
import * as path from "node:path";
import { Account, Binaries } from "@destiny/testkit/postgres";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { folder } from "./processes.ts";

const native = Effect.map(Effect.flatMap(Account.unprivileged, Binaries.locate), (binaries) =>
  path.resolve(path.dirname(binaries.postgres), ".."),
);

describe("Binaries", () => {
  it.live("copies made at once end in one complete folder", () =>
    Effect.gen(function* () {
      const parent = yield* folder;
      const from = yield* native;
      const copies = yield* Effect.all([Binaries.copyOf(from, parent), Binaries.copyOf(from, parent)], {
        concurrency: 2,
      });
      assert.strictEqual(copies[0], copies[1]);
      assert.deepStrictEqual(fs.readdirSync(parent), [path.basename(copies[0])]);
      assert.deepStrictEqual(fs.readdirSync(path.join(copies[0], "lib")), fs.readdirSync(path.join(from, "lib")));
    }),
  );

  it.live("a folder at the place of the copy that others can write is refused", () =>
    Effect.gen(function* () {
      const parent = yield* folder;
      const from = yield* native;
      const copy = yield* Binaries.copyOf(from, parent);
      fs.chmodSync(copy, 0o777);
      const error = yield* Effect.flip(Binaries.copyOf(from, parent));
      assert.strictEqual(error.reason._tag, "UnsafePath");
    }),
  );
});
