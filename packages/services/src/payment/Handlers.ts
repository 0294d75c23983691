/** The payment context over HTTP: see contracts/payment.api.ts. */
import { Auth, IdempotencyKey } from "@destiny/sdk/http";
import type { PaymentMachine } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Layer from "effect/Layer";
import {
  AlreadyConfirming,
  AlreadyPaid,
  AmountMismatch,
  GatewayUnavailable,
  OrderId,
  type Payment,
  PaymentApi,
  PaymentClosed,
  PaymentDeclined,
  PaymentNotFound,
  UserId,
  Won,
  WrongProvider,
} from "../contracts/index.ts";
import * as Submission from "../shared/Submission.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import { Desk } from "./Desk.ts";
import { decode, providerName, providerOf } from "./Messages.ts";

const statusOf: Readonly<Record<PaymentMachine.IntentStatus, Payment["status"]>> = {
  open: "OPEN",
  confirming: "CONFIRMING",
  captured: "CAPTURED",
  refunding: "CAPTURED",
  refunded: "REFUNDED",
  closed: "CLOSED",
};

const shown = (intent: PaymentMachine.Intent): Payment => ({
  orderId: OrderId.make(intent.reference),
  userId: UserId.make(intent.owner),
  status: statusOf[intent.status],
  amount: Won.make(intent.amount),
  provider: providerName(intent.provider),
  vendorOrderId: intent.reference,
  until: intent.until,
  declined: intent.attempts.findLast(({ status }) => status === "declined")?.code ?? null,
});

const problemOf = (rejection: PaymentMachine.Rejection) => {
  switch (rejection._tag) {
    case "NotFound":
      return new PaymentNotFound({});
    case "WrongProvider":
      return new WrongProvider({});
    case "AmountMismatch":
      return new AmountMismatch({});
    case "PaymentClosed":
    case "TooManyAttempts":
      return new PaymentClosed({});
    case "AlreadyPaid":
      return new AlreadyPaid({});
    case "AlreadyConfirming":
      return new AlreadyConfirming({});
  }
};

/** The answer to a confirm, from where its attempt stands. */
const answered = (intent: PaymentMachine.Intent, attempt: PaymentMachine.Attempt) => {
  switch (attempt.status) {
    case "captured":
    case "refunding":
    case "refunded":
      return Effect.succeed(shown(intent));
    case "declined":
      return Effect.fail(new PaymentDeclined({ vendorCode: attempt.code ?? "UNKNOWN" }));
    case "not_sent":
      return Effect.fail(new GatewayUnavailable({ retryAfterSeconds: 1 }));
    case "voiding":
    case "voided":
      return Effect.fail(new PaymentClosed({}));
    case "confirming":
    case "unknown":
      return Effect.succeed(HttpServerResponse.jsonUnsafe(shown(intent), { status: 202 }));
  }
};

const own = HttpApiBuilder.group(PaymentApi, "payments", (handlers) =>
  Effect.gen(function* () {
    const desk = yield* Desk;
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
          .pipe(
            Effect.catchIf(
              (error): error is PaymentMachine.Rejection => error._tag !== "GroupCommitError",
              (rejection) => Effect.fail(problemOf(rejection)),
            ),
            Effect.catchTag("GroupCommitError", Submission.problemOf),
            Effect.catchTag("SqlError", Effect.die),
          );
        return yield* answered(intent, attempt);
      }),

      get: Effect.fn("payment.get")(function* ({ params }) {
        const principal = yield* Auth.CurrentPrincipal;
        const intent = yield* Effect.orDie(desk.find(params.orderId));
        const visible =
          intent !== undefined &&
          (intent.owner === principal.userId || (principal.role === "MASTER" && intent.owner !== ""));
        return visible ? shown(intent) : yield* new PaymentNotFound({});
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(PaymentApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Desk;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "payment", decode, commit }));
  }),
);

export const layer = Layer.merge(own, deadLetters);
