/** The API of PortOne V2 without a socket: what each route does, in the vendor's words. */
import * as Result from "effect/Result";
import type { Drawn, Faults } from "../Faults.ts";
import type { PaymentLedger, Rules } from "../PaymentLedger.ts";
import * as Server from "../SimulatorServer.ts";
import * as VendorApi from "../VendorApi.ts";
import * as PortOneBody from "./PortOneBody.ts";
import * as PortOneErrors from "./PortOneErrors.ts";
import * as PortOnePayment from "./PortOnePayment.ts";
import * as PortOneRequests from "./PortOneRequests.ts";

type Payment = PortOnePayment.Payment;
type Outcome = VendorApi.Outcome<Payment>;
type Kept = Outcome["answer"];
type Request = VendorApi.Request;
type Ledger = PaymentLedger<Payment, PortOnePayment.Command>;

const defaultPageSize = 10;

const shopKeyOf = ({ paymentId, paymentToken }: Payment): string => `${paymentId}:${paymentToken}`;
const idOf = (request: Request): string => request.parameters["paymentId"] ?? "";

export const operations = ["confirm", "inquire", "cancel", "list"] as const;

/** Keys live for 3 hours. */
export const rules: Rules<Payment, PortOnePayment.Command> = {
  gateway: "portone",
  payment: PortOnePayment.Payment,
  keyOf: ({ paymentId }) => paymentId,
  // The vendor answers by id and approves by token, so a shop needs both.
  shopKeyOf,
  orderOf: ({ orderId }) => orderId,
  asOf: (payment) => payment,
  decide: PortOnePayment.decide,
  moved: (before, after, command) => {
    if (!("transactionKey" in command)) return undefined;
    const moved = { currency: "KRW", transactionKey: command.transactionKey };
    if (command._tag === "Confirm") return { kind: "captured", amount: after.total, ...moved };
    const amount = PortOnePayment.cancelled(after) - PortOnePayment.cancelled(before);
    return amount === 0 ? undefined : { kind: "canceled", amount, ...moved };
  },
  takesOrder: ({ paidAt }) => paidAt !== null,
  notFound: "PAYMENT_NOT_FOUND",
  idempotencyLifeMillis: 3 * 3_600_000,
};

export interface Settings {
  readonly apiSecrets: ReadonlyArray<string>;
  readonly storeId: string;
  readonly rateLimitPerMinute: number | undefined;
  /** Cancellations stay REQUESTED until they are settled by hand. */
  readonly asynchronousCancels: boolean;
  readonly now: () => number;
  readonly ids: (kind: "token" | "transaction") => string;
}

export const make = (settings: Settings, faults: Faults, ledger: Ledger) => {
  const refuse = (code: string): Kept => ({
    status: PortOneErrors.statusOf(code),
    error: PortOneErrors.make(code),
  });

  const bodyOf = (payment: Payment, request: Request | undefined): unknown => {
    if (request?.path.endsWith("/confirm")) return PortOneBody.confirmed(payment);
    if (request?.path.endsWith("/cancel")) return PortOneBody.canceled(payment);
    return PortOneBody.payment(payment, settings.storeId);
  };

  const reply = (kept: Kept, request?: Request, headers: Server.Headers = {}): Server.Answer =>
    Server.json(kept.status, "error" in kept ? kept.error : bodyOf(kept.payment, request), headers);

  const { conclude, get, post } = VendorApi.make({
    faults,
    ledger,
    rateLimitPerMinute: settings.rateLimitPerMinute,
    now: settings.now,
    dialect: {
      reply,
      refuse,
      authenticate: PortOneRequests.authenticator(settings.apiSecrets),
      idempotencyKey: PortOneRequests.idempotencyKey,
      codes: {
        tooManyRequests: "TOO_MANY_REQUESTS",
        inFlight: "IDEMPOTENCY_OUTSTANDING_REQUEST",
        confirming: "IDEMPOTENCY_OUTSTANDING_REQUEST",
      },
    },
  });

  const confirm = (request: Request, drawn: Drawn): Outcome => {
    const body = PortOneRequests.decodeConfirm(request.body);
    if (body._tag === "None") return { answer: refuse("INVALID_REQUEST") };
    if (drawn.fault?.kind === "error") {
      const { code } = drawn.fault;
      const { pgCode } = PortOneErrors.parse(code);
      if (pgCode === undefined) return { answer: refuse(code) };
      const failed = ledger.decide(idOf(request), { _tag: "Fail", pgCode, reason: "카드사 거절" });
      return { answer: refuse(code), ...(Result.isSuccess(failed) ? { move: failed.success } : {}) };
    }
    const { currency, isTest, paymentToken, totalAmount } = body.value;
    const transactionKey = settings.ids("transaction");
    return conclude(
      ledger.decide(idOf(request), { _tag: "Confirm", paymentToken, totalAmount, currency, isTest, transactionKey }),
      request,
    );
  };

  const cancel = (request: Request, drawn: Drawn): Outcome => {
    if (drawn.fault?.kind === "error") return { answer: refuse(drawn.fault.code) };
    const body = PortOneRequests.decodeCancel(request.body);
    if (body._tag === "None") return { answer: refuse("INVALID_REQUEST") };
    const { amount, currentCancellableAmount, reason } = body.value;
    return conclude(
      ledger.decide(idOf(request), {
        _tag: "Cancel",
        reason,
        amount,
        currentCancellableAmount,
        asynchronous: settings.asynchronousCancels,
        transactionKey: settings.ids("transaction"),
      }),
      request,
    );
  };

  /** The list for reconciliation, oldest first. */
  const list = (request: Request): Kept | Server.Answer => {
    const decoded = PortOneRequests.decodeList(request.query.get("requestBody") ?? "{}");
    if (decoded._tag === "None") return refuse("INVALID_REQUEST");
    const { filter = {}, page: { number = 0, size = defaultPageSize } = {} } = decoded.value;
    const from = Date.parse(filter.from ?? "1970-01-01T00:00:00Z");
    const until = Date.parse(filter.until ?? "9999-01-01T00:00:00Z");
    if (Number.isNaN(from) || Number.isNaN(until)) return refuse("INVALID_REQUEST");
    const found = ledger
      .payments()
      .map((payment) => PortOneBody.payment(payment, settings.storeId))
      .filter(({ status, statusChangedAt }) => {
        const at = Date.parse(statusChangedAt);
        return at >= from && at < until && (filter.status?.includes(status) ?? true);
      });
    const items = found.slice(number * size, (number + 1) * size);
    return Server.json(200, { items, page: { number, size, totalCount: found.length } });
  };

  return {
    confirm: post("confirm", confirm, idOf),
    cancel: post("cancel", cancel),
    inquire: get("inquire", (request): Kept => {
      const payment = ledger.find(idOf(request));
      return payment === undefined ? refuse("PAYMENT_NOT_FOUND") : { status: 200, payment };
    }),
    list: get("list", list),
    /** What happens outside of the API: the buyer authenticates, or the acquirer gives back what was requested. */
    act: (request: Request, step: "Authenticate" | "Settle"): Server.Answer => {
      const command =
        step === "Authenticate" ? { _tag: step } : { _tag: step, transactionKey: settings.ids("transaction") };
      const { answer, move } = conclude(ledger.decide(idOf(request), command), request);
      ledger.commit(move);
      return reply(answer);
    },
    failure: (status: 404 | 413 | 500): Server.Answer => {
      const code = { 404: "NOT_FOUND", 413: "PAYLOAD_TOO_LARGE", 500: "INTERNAL_SERVER_ERROR" }[status];
      return reply({ status, error: PortOneErrors.make(code) });
    },
    handed: (payment: Payment) => ({
      paymentId: payment.paymentId,
      transactionId: payment.transactionId,
      paymentToken: payment.paymentToken,
      paymentKey: shopKeyOf(payment),
      orderId: payment.orderId,
      amount: payment.total,
    }),
    create: (input: PortOneRequests.NewPayment): Payment => {
      const { amount, method = "PaymentMethodCard", orderId, orderName = "주문" } = input;
      const at = settings.now();
      return {
        paymentId: input.paymentId ?? `${orderId}-${ledger.allOf(orderId).length + 1}`,
        orderId,
        transactionId: settings.ids("transaction"),
        paymentToken: settings.ids("token"),
        orderName,
        method,
        total: amount,
        status: "READY",
        requestedAt: at,
        authenticatedAt: input.status === "READY" ? null : at,
        paidAt: null,
        pgTxId: null,
        cancellations: [],
        failure: null,
      };
    },
  };
};
