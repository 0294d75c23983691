/** The product context over HTTP: see contracts/product.api.ts. */
import { Page } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as SqlClient from "effect/sql/SqlClient";
import { type Product, ProductApi, ProductNotFound } from "../contracts/index.ts";
import type { ProductState } from "./Domain.ts";
import * as Store from "./Store.ts";

const shown = ({ stockVersion: _, ...product }: ProductState): Product => product;

export const layer = HttpApiBuilder.group(ProductApi, "products", (handlers) =>
  Effect.gen(function* () {
    const products = Store.read(yield* SqlClient.SqlClient);
    return handlers.handleAll({
      list: Effect.fn("product.list")(function* ({ query }) {
        const rows = yield* Effect.orDie(products.page(query.query, query.cursor?.id, Page.fetchSize(query.limit)));
        const page = Page.make(rows, query.limit, ({ id }) => ({ id }));
        return { items: page.items.map(shown), nextCursor: page.nextCursor };
      }),
      get: Effect.fn("product.get")(function* ({ params }) {
        const product = yield* Effect.orDie(products.byId(params.id));
        if (product === undefined || product.status === "HIDED") return yield* new ProductNotFound({});
        return shown(product);
      }),
    });
  }),
);
