/** The brand context over HTTP: see contracts/brand.api.ts. */
import { Auth, Page } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import * as Layer from "effect/Layer";
import { type Brand, BrandApi, BrandId, BrandNotFound, type BrandOrder, UserId } from "../contracts/index.ts";
import { by } from "../shared/Caller.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import * as Submission from "../shared/Submission.ts";
import { Brands } from "./Brands.ts";
import type { BrandInput, BrandState, Sale } from "./Domain.ts";
import { decode } from "./Messages.ts";

const shown = ({ createdAt, id: brandId, managerId, name: brandName, updatedAt }: BrandState): Brand => ({
  brandId,
  managerId,
  brandName,
  createdAt,
  updatedAt,
});

const soldTo = ({ _tag: _, brandId: __, ...order }: Sale): BrandOrder => order;

const open = HttpApiBuilder.group(BrandApi, "brands", (handlers) =>
  Effect.gen(function* () {
    const { read } = yield* Brands;
    return handlers.handleAll({
      list: Effect.fn("brand.list")(function* ({ query: { brandName, cursor, limit } }) {
        const rows = yield* Effect.orDie(read.page(brandName, cursor?.id, Page.fetchSize(limit)));
        const page = Page.make(rows, limit, ({ id }) => ({ id }));
        return { items: page.items.map(shown), nextCursor: page.nextCursor };
      }),
      get: Effect.fn("brand.get")(function* ({ params }) {
        const brand = yield* Effect.orDie(read.byId(params.brandId));
        return brand === undefined ? yield* new BrandNotFound({}) : shown(brand);
      }),
    });
  }),
);

const management = HttpApiBuilder.group(BrandApi, "management", (handlers) =>
  Effect.gen(function* () {
    const { commit, read } = yield* Brands;

    const move = (input: BrandInput) =>
      Effect.flatMap(Submission.fresh(input), commit.submit).pipe(
        Effect.catchTags({
          NotFound: () => Effect.fail(new BrandNotFound({})),
          NotManager: () => Effect.fail(new Auth.AccessDenied({})),
        }),
        Submission.freshAnswer,
        Effect.flatMap((answer) =>
          answer._tag === "Brand"
            ? Effect.succeed(shown(answer))
            : Effect.die(new Error(`${input._tag} was answered with ${answer._tag}`)),
        ),
      );

    return handlers.handleAll({
      create: Effect.fn("brand.create")(function* ({ payload }) {
        const managerId = UserId.make((yield* Auth.CurrentPrincipal).userId);
        const brandId = BrandId.make(yield* Ids.fresh);
        const body = yield* move({ _tag: "Create", brandId, managerId, name: payload.brandName }).pipe(
          // A brand that is being created is nobody else's yet.
          Effect.catchTags({ BrandNotFound: Effect.die, AccessDenied: Effect.die }),
        );
        return HttpApiSchema.withHeaders({ body, headers: { location: `/v1/brands/${body.brandId}` } });
      }),

      update: Effect.fn("brand.update")(function* ({ params, payload: { brandName: name, managerId } }) {
        return yield* move({ _tag: "Update", brandId: params.brandId, by: yield* by, managerId, name });
      }),

      remove: Effect.fn("brand.remove")(function* ({ params }) {
        yield* move({ _tag: "Remove", brandId: params.brandId, by: yield* by });
      }),

      orders: Effect.fn("brand.orders")(function* ({ params: { brandId }, query: { cursor, limit } }) {
        const reader = yield* by;
        const brand = yield* Effect.orDie(read.byId(brandId));
        if (brand === undefined) return yield* new BrandNotFound({});
        if (reader !== null && reader !== brand.managerId) return yield* new Auth.AccessDenied({});
        const rows = yield* Effect.orDie(read.sales(brandId, cursor, Page.fetchSize(limit)));
        const page = Page.make(rows, limit, ({ completedAt, orderId }) => ({ at: completedAt, id: orderId }));
        return { items: page.items.map(soldTo), nextCursor: page.nextCursor };
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(BrandApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Brands;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "brand", decode, commit }));
  }),
);

export const layer = Layer.mergeAll(open, management, deadLetters);
