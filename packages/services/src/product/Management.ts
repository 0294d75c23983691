/** What managers of brands do over HTTP: see `ProductManagement` in contracts/product.api.ts. */
import { Auth, IdempotencyKey } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { ProductApi, ProductBrandUnknown, ProductId, ProductNameTaken, ProductNotFound } from "../contracts/index.ts";
import { by } from "../shared/Caller.ts";
import * as Submission from "../shared/Submission.ts";
import { Products } from "./Products.ts";
import type { ProductInput } from "./State.ts";

export const layer = HttpApiBuilder.group(ProductApi, "management", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Products;

    const submit = (identified: Parameters<typeof commit.submit>[0]) =>
      commit.submit(identified).pipe(
        Effect.catchTags({
          NotFound: () => Effect.fail(new ProductNotFound({})),
          BrandNotFound: () => Effect.fail(new ProductBrandUnknown({})),
          NameTaken: () => Effect.fail(new ProductNameTaken({})),
          NotManager: () => Effect.fail(new Auth.AccessDenied({})),
        }),
        Submission.answer,
        Effect.flatMap((answer) =>
          answer._tag === "Listed"
            ? Effect.succeed(answer.product)
            : Effect.die(new Error(`${identified.input._tag} was answered with ${answer._tag}`)),
        ),
      );

    const move = (input: ProductInput) =>
      Effect.flatMap(Submission.fresh(input), submit).pipe(
        // The id is fresh.
        Effect.catchTag("IdempotencyKeyReused", Effect.die),
      );

    return handlers.handleAll({
      create: Effect.fn("product.create")(function* ({ payload }) {
        const productId = ProductId.make(yield* Ids.fresh);
        const body = yield* move({ _tag: "Create", productId, by: yield* by, ...payload }).pipe(
          // It is only just being made.
          Effect.catchTag("ProductNotFound", Effect.die),
        );
        return HttpApiSchema.withHeaders({ body, headers: { location: `/v1/products/${body.id}` } });
      }),

      update: Effect.fn("product.update")(function* ({ params, payload }) {
        return yield* move({ _tag: "Update", productId: params.id, by: yield* by, ...payload }).pipe(
          Effect.catchTag("ProductBrandUnknown", Effect.die),
        );
      }),

      restock: Effect.fn("product.restock")(function* ({ headers, params, payload: { quantity } }) {
        const { userId } = yield* Auth.CurrentPrincipal;
        const identity = yield* IdempotencyKey.identify({ userId, key: headers["idempotency-key"] });
        // Not the key's identity: whoever uses a key again when the inbox has forgotten it brings other units.
        const movement = yield* Ids.fresh;
        const stamp = yield* Submission.stamp(identity);
        const input = { _tag: "Restock", productId: params.id, by: yield* by, quantity, movement } as const;
        return yield* submit({ ...stamp, input }).pipe(
          Effect.catchTags({ ProductBrandUnknown: Effect.die, ProductNameTaken: Effect.die }),
        );
      }),

      remove: Effect.fn("product.remove")(function* ({ params }) {
        yield* move({ _tag: "Remove", productId: params.id, by: yield* by }).pipe(
          Effect.catchTags({ ProductBrandUnknown: Effect.die, ProductNameTaken: Effect.die }),
        );
      }),
    });
  }),
);
