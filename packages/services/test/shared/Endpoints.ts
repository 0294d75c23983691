/** Every endpoint of every contract, from the contracts themselves: a new one is here without anybody naming it. */
import { Auth } from "@destiny/sdk/http";
import * as Context from "effect/Context";
import * as HttpApi from "effect/http-api/HttpApi";
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as contracts from "../../src/contracts/index.ts";

export interface Endpoint {
  readonly service: string;
  /** Method and path template: what tables of endpoints are keyed by. */
  readonly name: string;
  readonly method: string;
  /** With some UUID, or the first value that is allowed, in every place. */
  readonly path: string;
  readonly isGuarded: boolean;
  readonly roles: ReadonlyArray<string>;
  readonly contract: HttpApiEndpoint.Top;
}

export const someId = "0190a000-0000-7000-8000-000000000000";

/** What may stand in a place of a path. */
export const valueOf = (place: string): string => (place === "action" ? "retry" : someId);

export const pathOf = (template: string, of: (place: string) => string = valueOf): string =>
  template.replaceAll(/:(\w+)/g, (_, place: string) => of(place));

export const endpointsOf = (api: HttpApi.Top): ReadonlyArray<Endpoint> => {
  const endpoints: Array<Endpoint> = [];
  HttpApi.reflect(api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
      endpoints.push({
        service: api.identifier,
        name: `${endpoint.method} ${endpoint.path}`,
        method: endpoint.method,
        path: pathOf(endpoint.path),
        isGuarded: [...middleware].some((one) => one.key === Auth.Bearer.key),
        roles: Context.getOrUndefined(mergedAnnotations, Auth.Roles) ?? [],
        contract: endpoint,
      });
    },
  });
  return endpoints;
};

export const apis: ReadonlyArray<HttpApi.Top> = Object.values<unknown>(contracts).filter((one): one is HttpApi.Top =>
  HttpApi.isHttpApi(one),
);

export const endpoints: ReadonlyArray<Endpoint> = apis.flatMap(endpointsOf);
