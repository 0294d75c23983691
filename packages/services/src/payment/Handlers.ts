/** The payment context over HTTP: see contracts/payment.api.ts. */
import { Auth, IdempotencyKey, Page, type Problem } from "@destiny/sdk/http";
import type { Errors } from "@destiny/sdk/machine";
import type { PaymentMachine } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Layer from "effect/Layer";
import type { SqlError } from "effect/sql/SqlError";
import {
  AlreadyConfirming,
  AlreadyPaid,
  AmountMismatch,
  GatewayUnavailable,
  GatewayUsable,
  NoOtherGateway,
  OrderId,
  PaymentApi,
  PaymentClosed,
  PaymentDeclined,
  PaymentMoved,
  PaymentNotFound,
  PaymentUnsettled,
  WrongProvider,
} from "../contracts/index.ts";
import * as Submission from "../shared/Submission.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import * as Checkout from "./Checkout.ts";
import { Desk } from "./Desk.ts";
import { providerName, providerOf } from "./Messages.ts";
import { gatewaysShown, routeShown, shown } from "./Shown.ts";

type Rejection = PaymentMachine.Rejection;

/** What any request about a payment may be refused for. */
const refused = ({
  _tag,
}: Rejection): Effect.Effect<never, PaymentNotFound | PaymentClosed | AlreadyPaid | AlreadyConfirming> => {
  switch (_tag) {
    case "NotFound":
      return Effect.fail(new PaymentNotFound({}));
    case "PaymentClosed":
    case "TooManyAttempts":
      return Effect.fail(new PaymentClosed({}));
    case "AlreadyPaid":
      return Effect.fail(new AlreadyPaid({}));
    case "AlreadyConfirming":
      return Effect.fail(new AlreadyConfirming({}));
    default:
      return Effect.die(new Error(`${_tag} is no answer to this request`));
  }
};

type Refused = Effect.Error<ReturnType<typeof refused>>;

const notConfirmed = (rejection: Rejection): Effect.Effect<never, Refused | WrongProvider | AmountMismatch> => {
  switch (rejection._tag) {
    case "WrongProvider":
      return Effect.fail(new WrongProvider({}));
    case "AmountMismatch":
      return Effect.fail(new AmountMismatch({}));
    default:
      return refused(rejection);
  }
};

const notReissued = (
  rejection: Rejection,
): Effect.Effect<never, Refused | GatewayUsable | PaymentUnsettled | NoOtherGateway> => {
  switch (rejection._tag) {
    case "GatewayUsable":
      return Effect.fail(new GatewayUsable({}));
    case "NotSettled":
      return Effect.fail(new PaymentUnsettled({ retryAfterSeconds: 1 }));
    case "NoOtherGateway":
      return Effect.fail(new NoOtherGateway({ retryAfterSeconds: 1 }));
    default:
      return refused(rejection);
  }
};

const explained =
  <Refusal>(refusal: (rejection: Rejection) => Effect.Effect<never, Refusal>) =>
  (
    error: Rejection | Errors.GroupCommitError | SqlError,
  ): Effect.Effect<never, Refusal | Problem.Unavailable | IdempotencyKey.Reused> => {
    if (error._tag === "SqlError") return Effect.die(error);
    return error._tag === "GroupCommitError" ? Submission.problemOf(error) : refusal(error);
  };

/** The answer to a confirm, from where its attempt stands. */
const answered = (intent: PaymentMachine.Intent, attempt: PaymentMachine.Attempt) => {
  const moved = () => Effect.fail(new PaymentMoved({ provider: providerName(intent.provider) }));
  switch (attempt.status) {
    case "captured":
    case "refunding":
    case "refunded":
      return Effect.succeed(shown(intent));
    case "declined":
      return Effect.fail(new PaymentDeclined({ vendorCode: attempt.code ?? "UNKNOWN" }));
    case "not_sent":
      return attempt.provider === intent.provider
        ? Effect.fail(new GatewayUnavailable({ retryAfterSeconds: 1 }))
        : moved();
    case "abandoned":
    case "late_captured":
      return moved();
    case "voiding":
    case "voided":
      if (attempt.abandonedAt !== null) return moved();
      return Effect.fail(new PaymentClosed({}));
    case "confirming":
    case "unknown":
      return Effect.succeed(HttpServerResponse.jsonUnsafe(shown(intent), { status: 202 }));
  }
};

const own = HttpApiBuilder.group(PaymentApi, "payments", (handlers) =>
  Effect.gen(function* () {
    const desk = yield* Desk;
    /** The intent, if it is the caller's own, or the caller runs the shop. */
    const visible = Effect.fnUntraced(function* (orderId: OrderId) {
      const principal = yield* Auth.CurrentPrincipal;
      const intent = yield* Effect.orDie(desk.recent(orderId));
      const known =
        intent !== undefined &&
        (intent.owner === principal.userId || (principal.role === "MASTER" && intent.owner !== ""));
      return known ? intent : yield* new PaymentNotFound({});
    });
    return handlers.handleAll({
      confirm: Effect.fn("payment.confirm")(function* ({ headers, payload }) {
        const { userId } = yield* Auth.CurrentPrincipal;
        const { amount, orderId, paymentKey } = payload;
        const identity = yield* IdempotencyKey.identify({ userId, key: headers["idempotency-key"] });
        const provider = providerOf(payload.provider);
        if (provider === undefined) return yield* new WrongProvider({});
        const { attempt, intent } = yield* desk
          .confirm(
            { reference: orderId, owner: userId, provider, paymentKey, amount },
            yield* Submission.stamp(identity),
          )
          .pipe(Effect.catch(explained(notConfirmed)));
        return yield* answered(intent, attempt);
      }),

      reissue: Effect.fn("payment.reissue")(function* ({ params, payload }) {
        const { userId } = yield* Auth.CurrentPrincipal;
        const from = providerOf(payload.provider);
        if (from === undefined) return yield* new GatewayUsable({});
        const request = { reference: params.orderId, owner: userId, from };
        return shown(yield* desk.reissue(request).pipe(Effect.catch(explained(notReissued))));
      }),

      get: Effect.fn("payment.get")(function* ({ params }) {
        return shown(yield* visible(params.orderId));
      }),

      list: Effect.fn("payment.list")(function* ({ query: { cursor, limit } }) {
        const { role, userId } = yield* Auth.CurrentPrincipal;
        const owner = role === "MASTER" ? undefined : userId;
        const rows = yield* Effect.orDie(desk.page({ owner, after: cursor?.id, limit: Page.fetchSize(limit) }));
        const page = Page.make(rows, limit, ({ reference }) => ({ id: OrderId.make(reference) }));
        return { items: page.items.map(shown), nextCursor: page.nextCursor };
      }),

      checkout: Effect.fn("payment.checkout")(function* ({ params }) {
        return HttpServerResponse.setHeaders(HttpServerResponse.html(Checkout.render(yield* visible(params.orderId))), {
          "cache-control": "no-store",
          "content-security-policy": "default-src 'none'",
        });
      }),

      route: Effect.fn("payment.route")(function* ({ params }) {
        return routeShown(yield* visible(params.orderId));
      }),

      gateways: Effect.fn("payment.gateways")(function* () {
        return { items: gatewaysShown(desk.candidates, yield* desk.health) };
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(PaymentApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit, decode } = yield* Desk;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "payment", decode, commit }));
  }),
);

export const layer = Layer.merge(own, deadLetters);
