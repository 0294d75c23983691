/** The order context over HTTP: see contracts/order.api.ts. */
import { Auth, IdempotencyKey, Page, Prefer } from "@destiny/sdk/http";
import { Ids, TraceContext } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import * as Layer from "effect/Layer";
import {
  CancellationId,
  CancelNotAllowed,
  type Order,
  OrderApi,
  OrderId,
  OrderNotFound,
  UserId,
  Won,
} from "../contracts/index.ts";
import * as Submission from "../shared/Submission.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import { decode } from "./Consumers.ts";
import type { OrderState } from "./Domain.ts";
import { Orders } from "./Orders.ts";

/** Off the lines altogether; nothing before the prices are known. */
const discountOf = ({ items }: OrderState): Won =>
  Won.make(items.reduce((sum, { discount }) => sum + (discount ?? 0), 0));

const shown = (state: OrderState): Order => ({
  id: state.id,
  userId: state.userId,
  status: state.status,
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
  order.userId === principal.userId || principal.role === "MASTER";

const visible = Effect.fnUntraced(function* (order: OrderState | undefined) {
  return order !== undefined && isVisible(yield* Auth.CurrentPrincipal, order) ? order : yield* new OrderNotFound({});
});

const own = HttpApiBuilder.group(OrderApi, "orders", (handlers) =>
  Effect.gen(function* () {
    const orders = yield* Orders;
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
            // An order that is being placed cannot be missing or finished.
            Effect.catchTags({ NotFound: Effect.die, NotCancellable: Effect.die }),
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
        const principal = yield* Auth.CurrentPrincipal;
        const order = yield* orders
          .submit({
            id: yield* Ids.fresh,
            at: yield* Clock.currentTimeMillis,
            traceparent: yield* TraceContext.current,
            input: {
              _tag: "RequestCancel",
              orderId: params.id,
              cancellationId: CancellationId.make(yield* Ids.fresh),
              userId: principal.role === "MASTER" ? null : UserId.make(principal.userId),
              reason: payload.message?.trim() || "no reason was given",
            },
          })
          .pipe(
            Effect.catchTags({
              NotFound: () => Effect.fail(new OrderNotFound({})),
              NotCancellable: ({ status }) => Effect.fail(new CancelNotAllowed({ orderStatus: status })),
            }),
            Submission.answer,
            // The id is fresh.
            Effect.catchTag("IdempotencyKeyReused", Effect.die),
          );
        return shown(order);
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
