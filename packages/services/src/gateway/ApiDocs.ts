/**
 * The whole shop as one OpenAPI document, and as a page that people read.
 *
 * Guarantee: exactly the endpoints that the gateway lets through, from the contracts themselves: nobody writes it by hand. It
 * is made with the first request that asks for it.
 */
import * as HttpApi from "effect/http-api/HttpApi";
import * as OpenApi from "effect/http-api/OpenApi";
import * as Contracts from "../contracts/index.ts";
import { routes } from "./Routes.ts";

const apis: ReadonlyArray<HttpApi.Top> = Object.values<unknown>(Contracts).filter((one): one is HttpApi.Top =>
  HttpApi.isHttpApi(one),
);

const isRouted = (service: string, path: string): boolean =>
  routes.some(([prefix, owner]) => owner === service && (path === prefix || path.startsWith(`${prefix}/`)));

interface Operation {
  readonly operationId: string;
  readonly tags: ReadonlyArray<string>;
}
type Paths = Record<string, Record<string, Operation>>;

/** One service's part: what is routed, with ids and tags that are nobody else's. */
const pathsOf = (service: string, { paths }: { readonly paths: object }): Paths =>
  Object.fromEntries(
    Object.entries(paths as Paths)
      .filter(([path]) => isRouted(service, path))
      .map(([path, operations]) => [
        path,
        Object.fromEntries(
          Object.entries(operations).map(([method, operation]) => [
            method,
            { ...operation, operationId: `${service}.${operation.operationId}`, tags: [service] },
          ]),
        ),
      ]),
  );

const make = () => {
  const paths: Paths = {};
  const schemas: Record<string, unknown> = {};
  let securitySchemes = {};
  for (const api of apis) {
    const spec = OpenApi.fromApi(api as unknown as HttpApi.HttpApi<string>);
    const service = api.identifier;
    let text = JSON.stringify(pathsOf(service, spec));
    for (const [name, schema] of Object.entries(spec.components.schemas)) {
      const isOwn = !(name in schemas) || JSON.stringify(schemas[name]) === JSON.stringify(schema);
      const unique = isOwn ? name : `${service}_${name}`;
      schemas[unique] = schema;
      if (!isOwn) text = text.replaceAll(`"#/components/schemas/${name}"`, `"#/components/schemas/${unique}"`);
    }
    Object.assign(paths, JSON.parse(text));
    securitySchemes = { ...securitySchemes, ...spec.components.securitySchemes };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Destiny", version: "1" },
    tags: [...new Set(Object.values(paths).flatMap((one) => Object.values(one).flatMap(({ tags }) => tags)))].map(
      (name) => ({ name }),
    ),
    paths,
    components: { schemas, securitySchemes },
  };
};

/** Made once a process: it only depends on the code. */
const once = <A>(make: () => A): (() => A) => {
  let made: A | undefined;
  return () => (made ??= make());
};

export const document = once(make);

export const json = once(() => JSON.stringify(document()));

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Plain HTML: no script, nothing from elsewhere. */
export const page = once((): string => {
  const { info, paths, tags } = document();
  const sections = tags.map(({ name }) => {
    const rows = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { tags: of }]) => of.includes(name))
        .map(
          ([method, operation]) =>
            `<details><summary><code>${method.toUpperCase()} ${escape(path)}</code></summary>` +
            `<pre>${escape(JSON.stringify(operation, null, 2))}</pre></details>`,
        ),
    );
    return `<h2>${escape(name)}</h2>${rows.join("")}`;
  });
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(info.title)}</title>` +
    `<style>body{font:16px system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}pre{overflow:auto}</style>` +
    `<h1>${escape(info.title)}</h1><p><a href="/openapi.json">openapi.json</a></p>${sections.join("")}</html>`
  );
});
