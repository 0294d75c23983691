/** The product context over HTTP: see contracts/product.api.ts. */
import { Page } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import { ProductApi, ProductNotFound } from "../contracts/index.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import { decode } from "./Consumers.ts";
import { shown } from "./Listing.ts";
import * as Management from "./Management.ts";
import { Products } from "./Products.ts";

const own = HttpApiBuilder.group(ProductApi, "products", (handlers) =>
  Effect.gen(function* () {
    const { window } = yield* Products;
    return handlers.handleAll({
      list: Effect.fn("product.list")(function* ({ query: { cursor, limit, ...filter } }) {
        const rows = yield* Effect.orDie(window.page(filter, cursor?.id, Page.fetchSize(limit)));
        const page = Page.make(rows, limit, ({ id }) => ({ id }));
        return { items: page.items.map(shown), nextCursor: page.nextCursor };
      }),
      get: Effect.fn("product.get")(function* ({ params }) {
        const product = yield* Effect.orDie(window.byId(params.id));
        if (product === undefined || product.status === "HIDED") return yield* new ProductNotFound({});
        return shown(product);
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(ProductApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Products;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "product", decode, commit }));
  }),
);

export const layer = Layer.mergeAll(own, Management.layer, deadLetters);
