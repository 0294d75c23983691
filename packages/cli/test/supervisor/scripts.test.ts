import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import * as Scripts from "../../src/supervisor/Scripts.ts";
import { temporaryHome } from "../fixtures/tools.ts";

interface Bundle {
  readonly directory: string;
  readonly sourcesHash: () => string;
  readonly isBuilt: () => boolean;
}

const { describe: describeBundle, shop } = createRequire(import.meta.url)("../../bin/bundles.cjs") as {
  readonly describe: (root: string, output: string, sources: ReadonlyArray<string>) => Bundle;
  readonly shop: Bundle;
};

describe("what a process of the shop runs", () => {
  it.live("is a bundle only as long as every source is as it was when it was built", () =>
    Effect.gen(function* () {
      const root = yield* temporaryHome;
      const write = (file: string, text: string): void => {
        fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
        fs.writeFileSync(path.join(root, file), text);
      };
      write("package.json", "{}");
      write("src/room/a.ts", "1");
      const bundle = describeBundle(root, "dist", ["package.json", "src"]);
      const build = (): void => write("dist/stamp", bundle.sourcesHash());
      assert.isFalse(bundle.isBuilt(), "never built");
      for (const edit of [
        () => write("src/room/a.ts", "2"),
        () => write("src/room/b.ts", ""),
        () => fs.renameSync(path.join(root, "src/room/b.ts"), path.join(root, "src/b.ts")),
        () => fs.rmSync(path.join(root, "src/b.ts")),
        () => write("package.json", "{ }"),
      ]) {
        build();
        assert.isTrue(bundle.isBuilt());
        edit();
        assert.isFalse(bundle.isBuilt(), String(edit));
      }
    }),
  );

  it("are the sources when the bundle is old or missing", () => {
    assert.deepStrictEqual(Scripts.current({ isBuilt: () => false }), Scripts.sources);
    assert.deepStrictEqual(Scripts.current({ isBuilt: () => true }), Scripts.bundle);
    for (const script of Object.values(Scripts.sources)) assert.isTrue(fs.existsSync(script), script);
    if (shop.isBuilt())
      for (const script of Object.values(Scripts.bundle)) assert.isTrue(fs.existsSync(script), script);
  });
});
