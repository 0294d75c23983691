/** The order context over HTTP: see contracts/order.api.ts. */
import { Auth, IdempotencyKey, Page, Prefer } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import * as Layer from "effect/Layer";
import {
  CancellationId,
  CancelNotAllowed,
  DeliveryNotPossible,
  type Order,
  OrderApi,
  OrderId,
  OrderNotFound,
  OrderUnderWay,
  UserId,
  Won,
} from "../contracts/index.ts";
import * as Caller from "../shared/Caller.ts";
import * as Submission from "../shared/Submission.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import { decode } from "./Consumers.ts";
import type { OrderState, Rejection } from "./Domain.ts";
import { Orders } from "./Orders.ts";
import type { Wish } from "./Wishes.ts";

/** Off the lines altogether; nothing before the prices are known. */
const discountOf = ({ items }: OrderState): Won =>
  Won.make(items.reduce((sum, { discount }) => sum + (discount ?? 0), 0));

const shown = (state: OrderState): Order => ({
  id: state.id,
  userId: state.userId,
  status: state.status,
  deliveryStatus: state.delivery,
  failureReason: state.failure?.reason ?? null,
  failureDetail: state.failure?.detail ?? null,
  cancellation: state.cancellation,
  couponId: state.couponId,
  originalAmount: state.amount === null ? null : Won.make(state.amount + discountOf(state)),
  discountAmount: discountOf(state),
  finalAmount: state.amount,
  items: state.items,
  recipient: state.recipient,
  createdAt: state.createdAt,
  updatedAt: state.updatedAt,
});

/** A MASTER sees every order; everybody else only their own, and the others do not exist for them. */
const isVisible = (principal: Auth.CurrentPrincipal["Service"], order: OrderState): boolean =>
  (order.userId === principal.userId && !order.removed) || principal.role === "MASTER";

const visible = Effect.fnUntraced(function* (order: OrderState | undefined) {
  return order !== undefined && isVisible(yield* Auth.CurrentPrincipal, order) ? order : yield* new OrderNotFound({});
});

type Refused = Exclude<Rejection, { _tag: "NotFound" }>;
type Whereabouts = Pick<Order, "deliveryStatus"> & { readonly orderStatus: Order["status"] };

const own = HttpApiBuilder.group(OrderApi, "orders", (handlers) =>
  Effect.gen(function* () {
    const orders = yield* Orders;

    /** Each wish is refused in one way of its own, beside not being the caller's to have. */
    const ask = <Refusal>(wish: Wish, refusal: (where: Whereabouts) => Refusal) => {
      const refuse = ({ delivery, status }: Refused) =>
        Effect.fail(refusal({ orderStatus: status, deliveryStatus: delivery }));
      return Effect.flatMap(Submission.fresh(wish), orders.submit).pipe(
        Effect.catchTags({
          NotFound: () => Effect.fail(new OrderNotFound({})),
          NotCancellable: refuse,
          NotDeliverable: refuse,
          UnderWay: refuse,
        }),
        Submission.answer,
        // The id is fresh.
        Effect.catchTag("IdempotencyKeyReused", Effect.die),
        Effect.map(shown),
      );
    };

    return handlers.handleAll({
      place: Effect.fn("order.place")(function* ({ headers, payload }) {
        const { userId } = yield* Auth.CurrentPrincipal;
        const { couponId = null, items, ...recipient } = payload;
        const identity = yield* IdempotencyKey.identify({ userId, key: headers["idempotency-key"] });
        const order = yield* orders
          .submit({
            ...(yield* Submission.stamp(identity)),
            input: {
              _tag: "Place",
              orderId: OrderId.make(yield* Ids.fresh),
              userId: UserId.make(userId),
              lines: items,
              couponId,
              recipient,
            },
          })
          .pipe(
            // Nothing is refused of an order that is being placed.
            Effect.catchTags({
              NotFound: Effect.die,
              NotCancellable: Effect.die,
              NotDeliverable: Effect.die,
              UnderWay: Effect.die,
            }),
            Submission.answer,
          );
        const body = shown(order);
        return HttpApiSchema.withHeaders({ body, headers: { location: `/v1/orders/${body.id}` } });
      }),

      get: Effect.fn("order.get")(function* ({ headers, params, query }) {
        const principal = yield* Auth.CurrentPrincipal;
        const waitMillis = Prefer.waitSeconds(headers.prefer) * 1000;
        const now = Effect.flatMap(Effect.orDie(orders.byId(params.id)), visible);
        if (waitMillis === 0) return shown(yield* now);
        const since = query.since ?? (yield* now).status;
        const unchanged = (order: OrderState) => isVisible(principal, order) && order.status === since;
        return shown(yield* visible(yield* Effect.orDie(orders.awaitChange(params.id, unchanged, waitMillis))));
      }),

      list: Effect.fn("order.list")(function* ({ query }) {
        const principal = yield* Auth.CurrentPrincipal;
        const owner = principal.role === "MASTER" ? undefined : UserId.make(principal.userId);
        const rows = yield* Effect.orDie(
          orders.page({ owner, after: query.cursor, limit: Page.fetchSize(query.limit) }),
        );
        const page = Page.make(rows, query.limit, (order) => ({ at: order.createdAt, id: order.id }));
        return { items: page.items.map(shown), nextCursor: page.nextCursor };
      }),

      cancel: Effect.fn("order.cancel")(function* ({ params, payload }) {
        const wish: Wish = {
          _tag: "RequestCancel",
          orderId: params.id,
          cancellationId: CancellationId.make(yield* Ids.fresh),
          userId: yield* Caller.by,
          reason: payload.message?.trim() || "no reason was given",
        };
        return yield* ask(wish, (where) => new CancelNotAllowed(where));
      }),

      deliver: Effect.fn("order.deliver")(function* ({ params, payload }) {
        const wish: Wish = { _tag: "Deliver", orderId: params.id, to: payload.deliveryStatus };
        return yield* ask(wish, (where) => new DeliveryNotPossible(where));
      }),

      remove: Effect.fn("order.remove")(function* ({ params }) {
        const wish: Wish = { _tag: "Remove", orderId: params.id, userId: yield* Caller.by };
        yield* ask(wish, (where) => new OrderUnderWay(where));
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(OrderApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "order", decode, commit: yield* Orders }));
  }),
);

export const layer = Layer.merge(own, deadLetters);
