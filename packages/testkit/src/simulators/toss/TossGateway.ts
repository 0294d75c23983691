/**
 * The API of Toss Payments without a socket: who may ask, idempotency keys, faults, and the payment's own rules, in
 * that order.
 *
 * Guarantee: a request is acted on at most once per idempotency key, and has been acted on before its answer is made.
 */
import * as Result from "effect/Result";
import type { Drawn, Faults } from "../Faults.ts";
import * as IdempotentAnswers from "../IdempotentAnswers.ts";
import * as Server from "../SimulatorServer.ts";
import * as TossBody from "./TossBody.ts";
import * as TossErrors from "./TossErrors.ts";
import type { Kept, Move, TossLedger } from "./TossLedger.ts";
import type { Payment } from "./TossPayment.ts";
import * as TossRequests from "./TossRequests.ts";

const consecutiveCancelMillis = 1_000;
const maxTransactions = 5_000;

export type Operation = "confirm" | "inquire" | "cancel" | "list";
export const operations: ReadonlyArray<Operation> = ["confirm", "inquire", "cancel", "list"];

export interface Settings {
  readonly secretKeys: ReadonlyArray<string>;
  readonly merchantId: string;
  /** Calls a minute, operation and key; absent: no limit. The vendor's test environment allows 100. */
  readonly rateLimitPerMinute: number | undefined;
  /** Refuse a second cancel of a payment within a second of the first. */
  readonly forbidConsecutiveCancels: boolean;
  readonly now: () => number;
  readonly ids: (kind: "payment" | "transaction" | "trace") => string;
}

interface Outcome {
  readonly answer: Kept;
  readonly move?: Move;
}

type Request = Server.SimulatorRequest;

const refuse = (code: string, request: Request): Kept => ({
  status: TossErrors.statusOf(code),
  error: TossErrors.make(code, TossRequests.language(request)),
});

export const make = (settings: Settings, faults: Faults, ledger: TossLedger) => {
  const { ids } = settings;
  const authenticate = TossRequests.authenticator(settings.secretKeys);
  const throttle = TossRequests.limiter(settings.rateLimitPerMinute, settings.now);
  /** Payments whose confirm is under way; another one, with another key, is told so. */
  const confirming = new Set<string>();

  const reply = (kept: Kept, request?: Request, extra: Server.Headers = {}): Server.Answer => {
    const key = request?.method === "POST" ? TossRequests.header(request, "idempotency-key") : undefined;
    return {
      _tag: "Reply",
      status: kept.status,
      body: "error" in kept ? JSON.stringify(kept.error) : TossBody.payment(kept.payment, settings.merchantId),
      headers: {
        "x-tosspayments-trace-id": ids("trace"),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...extra,
      },
    };
  };

  const conclude = (decided: Result.Result<Move, string>, request: Request): Outcome =>
    Result.isSuccess(decided)
      ? { answer: { status: 200, payment: decided.success.payment }, move: decided.success }
      : { answer: refuse(decided.failure, request) };

  const confirm = (request: Request, drawn: Drawn, secret: string): Outcome => {
    const forced = TossRequests.header(request, "tosspayments-test-code");
    if (forced !== undefined && secret.startsWith("test_") && TossErrors.isKnown(forced)) {
      return { answer: refuse(forced, request) };
    }
    const body = TossRequests.decodeConfirm(request.body);
    if (body._tag === "None") return { answer: refuse("INVALID_REQUEST", request) };
    const { paymentKey, orderId, amount } = body.value;
    if (drawn.fault?.kind === "error") {
      const { code } = drawn.fault;
      const answer = refuse(code, request);
      if (!TossErrors.isRefusal(code)) return { answer };
      const aborted = ledger.decide(paymentKey, { _tag: "Abort", code });
      return Result.isSuccess(aborted) ? { answer, move: aborted.success } : { answer };
    }
    const orderTaken = ledger.orderTakenByOther(orderId, paymentKey);
    const transactionKey = ids("transaction");
    return conclude(
      ledger.decide(paymentKey, { _tag: "Confirm", orderId, amount, orderTaken, transactionKey }),
      request,
    );
  };

  const cancel = (request: Request, drawn: Drawn): Outcome => {
    if (drawn.fault?.kind === "error") return { answer: refuse(drawn.fault.code, request) };
    const body = TossRequests.decodeCancel(request.body);
    if (body._tag === "None") return { answer: refuse("INVALID_REQUEST", request) };
    const { cancelReason, cancelAmount, refundableAmount, currency, refundReceiveAccount } = body.value;
    const decided = ledger.decide(request.parameters["paymentKey"] ?? "", {
      _tag: "Cancel",
      reason: cancelReason,
      amount: cancelAmount,
      refundableAmount,
      currency,
      hasRefundAccount: refundReceiveAccount !== undefined,
      transactionKey: ids("transaction"),
      minIntervalMillis: settings.forbidConsecutiveCancels ? consecutiveCancelMillis : 0,
    });
    return conclude(decided, request);
  };

  /** The vendor has acted; the plan may still keep the client from learning it. */
  const deliver = (drawn: Drawn, answer: Server.Answer): Server.Answer => {
    if (drawn.fault?.kind === "approveThenHang") return Server.hang;
    if (drawn.fault?.kind === "approveThenReset") return Server.reset;
    return Server.later(drawn.afterMillis, () => answer);
  };

  /** What happens in front of the vendor: its keys and its state never see the request. */
  const atEdge = (drawn: Drawn): Server.Answer | undefined => {
    switch (drawn.fault?.kind) {
      case "hang":
        return Server.hang;
      case "reset":
        return Server.reset;
      case "unavailable":
        return Server.json(drawn.fault.status, { message: "upstream unavailable" });
      case "tooManyRequests":
        return reply({ status: 429, error: TossErrors.make("TOO_MANY_REQUESTS") }, undefined, {
          "retry-after": String(drawn.fault.retryAfterSeconds),
        });
      default:
        return undefined;
    }
  };

  const admitted =
    (operation: Operation, handle: (request: Request, drawn: Drawn, secret: string) => Server.Answer) =>
    (request: Request): Server.Answer => {
      const drawn = faults.draw(operation);
      const edge = atEdge(drawn);
      if (edge !== undefined) return edge;
      const secret = authenticate(request);
      if (Result.isFailure(secret)) return reply(refuse(secret.failure, request), request);
      const waitSeconds = throttle(`${operation} ${secret.success}`);
      return waitSeconds === undefined
        ? handle(request, drawn, secret.success)
        : reply(refuse("TOO_MANY_REQUESTS", request), request, { "retry-after": String(waitSeconds) });
    };

  const post = (
    operation: Operation,
    run: (request: Request, drawn: Drawn, secret: string) => Outcome,
    exclusive: (request: Request) => string | undefined,
  ) =>
    admitted(operation, (request, drawn, secret) => {
      const key = TossRequests.header(request, "idempotency-key");
      if (key !== undefined && key.length > TossRequests.maxIdempotencyKeyLength) {
        return reply(refuse("INVALID_IDEMPOTENCY_KEY", request));
      }
      const identity =
        key === undefined ? undefined : IdempotentAnswers.identify(key, secret, request.url, request.method);
      if (identity !== undefined) {
        const begun = ledger.keys.begin(identity);
        if (begun._tag === "InFlight") return reply(refuse("IDEMPOTENT_REQUEST_PROCESSING", request), request);
        if (begun._tag === "Answered") return deliver(drawn, reply(begun.answer, request));
      }
      const alone = exclusive(request);
      if (alone !== undefined && confirming.has(alone)) {
        if (identity !== undefined) ledger.keys.abandon(identity);
        return reply(refuse("ALREADY_PROCESSING_REQUEST", request), request);
      }
      if (alone !== undefined) confirming.add(alone);
      return Server.later(drawn.beforeMillis, () => {
        try {
          const outcome = run(request, drawn, secret);
          const answer =
            drawn.fault?.kind === "approveThenError" && outcome.move !== undefined
              ? refuse(drawn.fault.code, request)
              : outcome.answer;
          ledger.commit(outcome.move, identity, answer);
          return deliver(drawn, reply(answer, request));
        } finally {
          if (identity !== undefined) ledger.keys.abandon(identity);
          if (alone !== undefined) confirming.delete(alone);
        }
      });
    });

  const get = (operation: "inquire" | "list", look: (request: Request) => Kept | ReadonlyArray<unknown>) =>
    admitted(operation, (request, drawn) =>
      Server.later(drawn.beforeMillis, () => {
        const { fault } = drawn;
        const failed = fault?.kind === "error" || fault?.kind === "approveThenError" ? fault.code : undefined;
        const found = failed === undefined ? look(request) : refuse(failed, request);
        const answer =
          "status" in found
            ? reply(found, request)
            : Server.json(200, found, { "x-tosspayments-trace-id": ids("trace") });
        return deliver(drawn, answer);
      }),
    );

  const show = (payment: Payment | undefined, request: Request): Kept =>
    payment === undefined ? refuse("NOT_FOUND_PAYMENT", request) : { status: 200, payment };

  /** The list for reconciliation, oldest first. */
  const list = (request: Request): Kept | ReadonlyArray<unknown> => {
    const start = TossBody.parseTime(request.query.get("startDate") ?? "");
    const end = TossBody.parseTime(request.query.get("endDate") ?? "");
    const limit = Number(request.query.get("limit") ?? 100);
    if (
      start === undefined ||
      end === undefined ||
      !(Number.isInteger(limit) && limit >= 1 && limit <= maxTransactions)
    ) {
      return refuse("INVALID_REQUEST", request);
    }
    const entries = ledger.captures();
    const after = request.query.get("startingAfter");
    const known = after === null ? -1 : entries.findLastIndex((entry) => entry.transactionKey === after);
    if (after !== null && known < 0) return refuse("INVALID_REQUEST", request);
    const rows: Array<unknown> = [];
    for (let index = known + 1; index < entries.length && rows.length < limit; index++) {
      const entry = entries[index]!;
      // The vendor's times are whole seconds, so a window that ends at a second holds all of it.
      if (entry.at < start || Math.floor(entry.at / 1_000) * 1_000 > end) continue;
      rows.push(TossBody.transaction(entry, ledger.find(entry.paymentKey)!, settings.merchantId));
    }
    return rows;
  };

  return {
    confirm: post("confirm", confirm, (request) => {
      const body = request.body as { readonly paymentKey?: unknown } | null | undefined;
      return typeof body?.paymentKey === "string" ? body.paymentKey : undefined;
    }),
    cancel: post("cancel", cancel, () => undefined),
    inquire: get("inquire", (request) => show(ledger.find(request.parameters["paymentKey"] ?? ""), request)),
    inquireByOrder: get("inquire", (request) => show(ledger.findByOrder(request.parameters["orderId"] ?? ""), request)),
    list: get("list", list),
    /** What the buyer does outside of the API: authenticates, or pays into the virtual account. */
    act: (request: Request, step: "Authenticate" | "Deposit"): Server.Answer => {
      const command = step === "Authenticate" ? { _tag: step } : { _tag: step, transactionKey: ids("transaction") };
      const { answer, move } = conclude(ledger.decide(request.parameters["paymentKey"] ?? "", command), request);
      ledger.commit(move);
      return reply(answer);
    },
    failure: (status: 404 | 413 | 500): Server.Answer => {
      const code = { 404: "NOT_FOUND", 413: "PAYLOAD_TOO_LARGE", 500: "FAILED_INTERNAL_SYSTEM_PROCESSING" }[status];
      return reply({ status, error: TossErrors.make(code) });
    },
  };
};
