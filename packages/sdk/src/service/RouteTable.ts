/** A router that also knows which methods a path has, so that a wrong method is told from an unknown path. */
import * as Effect from "effect/Effect";
import * as FindMyWay from "effect/http/FindMyWay";
import * as HttpRouter from "effect/http/HttpRouter";
import type * as HttpServerRequest from "effect/http/HttpServerRequest";

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] as const;

const under = (prefix: string, path: HttpRouter.PathInput): HttpRouter.PathInput =>
  prefix === "" ? path : (HttpRouter.prefixPath(path, prefix) as HttpRouter.PathInput);

export interface RouteTable {
  readonly router: HttpRouter.HttpRouter;
  readonly methodsAt: (request: HttpServerRequest.HttpServerRequest) => ReadonlyArray<string>;
}

export const make: Effect.Effect<RouteTable> = Effect.map(HttpRouter.make, (inner) => {
  const known = FindMyWay.make<true>();

  const note = (method: string, path: HttpRouter.PathInput): void => {
    // The same two spellings that the router registers for a wildcard.
    const paths = path.endsWith("/*") ? [path, path.slice(0, -2) as HttpRouter.PathInput] : [path];
    for (const each of paths) {
      if (method === "*") known.all(each, true);
      else known.on(method, each, true);
    }
  };

  const noting = (router: HttpRouter.HttpRouter, prefix: string): HttpRouter.HttpRouter =>
    HttpRouter.HttpRouter.of({
      ...router,
      prefixed: (next) => noting(router.prefixed(next), HttpRouter.prefixPath(next, prefix)),
      add: (method, path, handler, options) => {
        note(method, under(prefix, path));
        return router.add(method, path, handler, options);
      },
      addAll: (routes) => {
        for (const route of routes) note(route.method, under(prefix, route.path));
        return router.addAll(routes);
      },
    });

  return {
    router: noting(inner, ""),
    methodsAt: (request) => {
      const found: ReadonlyArray<string> = methods.filter((method) => known.find(method, request.url) !== undefined);
      return found.includes("GET") ? [...found, "HEAD"] : found;
    },
  };
});
