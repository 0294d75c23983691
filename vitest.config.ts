import { defineConfig } from "vitest/config";

const conditions = ["@destiny/source"];

/**
 * `*.test.ts` runs on every machine: real PostgreSQL (a throw-away cluster per run), no Docker.
 * Each package is a project of its own, so `npm test -- --project sdk` is the narrow loop.
 */
const project = (name: string) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name,
    include: [`packages/${name}/test/**/*.test.ts`],
    globalSetup: ["packages/testkit/src/vitest-setup.ts"],
    execArgv: conditions.map((condition) => `--conditions=${condition}`),
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({ test: { projects: ["sdk", "services", "testkit", "cli"].map(project) } });
