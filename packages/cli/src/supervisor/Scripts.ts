/**
 * What a process of the shop runs: the bundle, when it is made of the sources as they are, else the sources.
 *
 * Guarantee: a process never starts with older code than the sources', at a restart neither. The bundle is there to start sooner and in less memory; what it does is the
 * same. `npm start` and `npm run destiny` build it when it is missing or old; `destiny` on the PATH does without.
 */
import { createRequire } from "node:module";
import * as path from "node:path";
import { repositoryRoot } from "../instance/Home.ts";

/** Absolute paths. */
export interface Scripts {
  readonly services: string;
  readonly simulators: string;
}

const { shop } = createRequire(import.meta.url)("../../bin/bundles.cjs") as {
  readonly shop: { readonly directory: string; readonly isBuilt: () => boolean };
};

export const sources: Scripts = {
  services: path.join(repositoryRoot, "packages/services/src/main.ts"),
  simulators: path.join(repositoryRoot, "packages/testkit/src/simulators/main.ts"),
};

export const bundle: Scripts = {
  services: path.join(shop.directory, "services.js"),
  simulators: path.join(shop.directory, "simulators.js"),
};

/** Reads every source to compare, ten milliseconds: at each launch, since a service that starts again may have been edited. */
export const current = (of: Pick<typeof shop, "isBuilt"> = shop): Scripts => (of.isBuilt() ? bundle : sources);
