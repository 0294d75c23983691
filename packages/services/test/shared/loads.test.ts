/** What a service loads, it holds in memory for as long as it lives, once in each process. */
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const sources = new URL("../../src/", import.meta.url);

const lister = `
import { registerHooks } from "node:module";
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
await import(process.argv[1]);
process.stdout.write(JSON.stringify(loaded));
`;

const loadedBy = (service: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => {
    const room = new URL(`${service}/layer.ts`, sources).href;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@destiny/source", "--input-type=module", "-e", lister, room],
      { cwd: fileURLToPath(sources), maxBuffer: 16 * 1024 * 1024 },
    );
    return JSON.parse(stdout) as ReadonlyArray<string>;
  });

// Rooms of the SDK come whole, their audits included: the bundle leaves out what is not used.
const needless = /faker|oclif|vitest|hdr-histogram|\/packages\/(testkit|cli)\/|\/seed\.ts$/;

describe("a process that hosts one service", () => {
  for (const service of ["gateway", "payment", "stock"]) {
    it.live(`loads no other room, and nothing that only seeds, commands or tests need: ${service}`, () =>
      Effect.gen(function* () {
        const loaded = yield* loadedBy(service);
        const rooms = loaded
          .filter((url) => url.startsWith(sources.href))
          .flatMap((url) => url.slice(sources.href.length).match(/^[^/]+(?=\/)/) ?? []);
        assert.deepStrictEqual([...new Set(rooms)].sort(), ["contracts", service, "shared"].sort());
        assert.deepStrictEqual(
          loaded.filter((url) => needless.test(url)),
          [],
        );
      }),
    );
  }
});
