/** The API of Toss Payments without a socket: what each route does, in the vendor's words. */
import * as Result from "effect/Result";
import type { Drawn, Faults } from "../Faults.ts";
import * as Server from "../SimulatorServer.ts";
import * as VendorApi from "../VendorApi.ts";
import * as TossBody from "./TossBody.ts";
import * as TossErrors from "./TossErrors.ts";
import type { TossLedger } from "./TossLedger.ts";
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

type Outcome = VendorApi.Outcome<Payment>;
type Kept = Outcome["answer"];
type Request = VendorApi.Request;

export const make = (settings: Settings, faults: Faults, ledger: TossLedger) => {
  const { ids } = settings;

  const refuse = (code: string, request?: Request): Kept => ({
    status: TossErrors.statusOf(code),
    error: TossErrors.make(code, request === undefined ? "ko" : TossRequests.language(request)),
  });

  const reply = (kept: Kept, request?: Request, extra: Server.Headers = {}): Server.Answer => {
    const key = request?.method === "POST" ? VendorApi.header(request, "idempotency-key") : undefined;
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

  const { conclude, get, post } = VendorApi.make({
    faults,
    ledger,
    rateLimitPerMinute: settings.rateLimitPerMinute,
    now: settings.now,
    dialect: {
      reply,
      refuse,
      authenticate: TossRequests.authenticator(settings.secretKeys),
      idempotencyKey: (request) => {
        const key = VendorApi.header(request, "idempotency-key");
        return key !== undefined && key.length > TossRequests.maxIdempotencyKeyLength
          ? Result.fail("INVALID_IDEMPOTENCY_KEY")
          : Result.succeed(key);
      },
      codes: {
        tooManyRequests: "TOO_MANY_REQUESTS",
        inFlight: "IDEMPOTENT_REQUEST_PROCESSING",
        confirming: "ALREADY_PROCESSING_REQUEST",
      },
    },
  });

  const confirm = (request: Request, drawn: Drawn, secret: string): Outcome => {
    const forced = VendorApi.header(request, "tosspayments-test-code");
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

  const show = (payment: Payment | undefined, request: Request): Kept =>
    payment === undefined ? refuse("NOT_FOUND_PAYMENT", request) : { status: 200, payment };

  /** The list for reconciliation, oldest first. */
  const list = (request: Request): Kept | Server.Answer => {
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
    return Server.json(200, rows, { "x-tosspayments-trace-id": ids("trace") });
  };

  return {
    confirm: post("confirm", confirm, (request) => VendorApi.field(request, "paymentKey")),
    cancel: post("cancel", cancel),
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
