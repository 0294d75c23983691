/** The stock context over HTTP: see contracts/stock.api.ts. */
import { Auth, IdempotencyKey } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import type { ReservationMachine } from "@destiny/sdk/reservation";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import { BelowPromised, ProductId, StockApi, StockNotFound, TooManyUnits } from "../contracts/index.ts";
import { decode } from "./Messages.ts";
import { Stocks } from "./Stocks.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import * as Submission from "../shared/Submission.ts";

const own = HttpApiBuilder.group(StockApi, "stocks", (handlers) =>
  Effect.gen(function* () {
    const { availability } = yield* Stocks;
    return handlers.handle(
      "get",
      Effect.fn("stock.get")(function* ({ params: { productId } }) {
        const found = yield* Effect.orDie(availability(productId));
        return found === undefined ? yield* new StockNotFound({}) : { productId, ...found };
      }),
    );
  }),
);

const stockroom = HttpApiBuilder.group(StockApi, "stockroom", (handlers) =>
  Effect.gen(function* () {
    const { availability, commit } = yield* Stocks;

    /**
     * A repeated request is answered from the inbox. The ledger's cause is a name of its own and not the request's: it is kept
     * for ever, and a key that is used again when the inbox has forgotten it is another movement.
     */
    const move = Effect.fnUntraced(function* (
      productId: ProductId,
      key: IdempotencyKey.IdempotencyKey,
      inputOf: (movement: string) => ReservationMachine.Input,
    ) {
      if ((yield* Effect.orDie(availability(productId))) === undefined) return yield* new StockNotFound({});
      const { userId } = yield* Auth.CurrentPrincipal;
      const identity = yield* IdempotencyKey.identify({ userId, key });
      const stamp = yield* Submission.stamp(identity);
      const output = yield* Submission.answer(commit.submit({ ...stamp, input: inputOf(yield* Ids.fresh) })).pipe(
        Effect.catchTags({
          BelowPromised: ({ promised }) => Effect.fail(new BelowPromised({ promised })),
          TooManyUnits: ({ most }) => Effect.fail(new TooManyUnits({ most })),
        }),
      );
      return output._tag === "Restocked"
        ? { productId, total: output.total }
        : yield* Effect.die(new Error(`answered ${output._tag}`));
    });

    return handlers.handleAll({
      restock: Effect.fn("stock.restock")(function* ({ headers, params: { productId: sku }, payload: { quantity } }) {
        return yield* move(sku, headers["idempotency-key"], (movement) => ({
          _tag: "Restock",
          sku,
          quantity,
          cause: `restock ${movement}`,
        })).pipe(
          // More units are never too few.
          Effect.catchIf(
            (error) => error instanceof BelowPromised,
            (error) => Effect.die(error),
          ),
        );
      }),
      adjust: Effect.fn("stock.adjust")(function* ({ headers, params: { productId: sku }, payload }) {
        return yield* move(sku, headers["idempotency-key"], (movement) => ({
          _tag: "Adjust",
          sku,
          delta: payload.delta,
          cause: `adjust ${movement}: ${payload.reason}`,
        }));
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(StockApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Stocks;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "stock", decode, commit }));
  }),
);

export const layer = Layer.mergeAll(own, stockroom, deadLetters);
