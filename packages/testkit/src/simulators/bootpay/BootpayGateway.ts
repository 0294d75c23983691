/** The API of Bootpay without a socket: what each route does, in the vendor's words. */
import * as Result from "effect/Result";
import type { Drawn, Faults } from "../Faults.ts";
import type { PaymentLedger, Rules } from "../PaymentLedger.ts";
import * as Server from "../SimulatorServer.ts";
import * as VendorApi from "../VendorApi.ts";
import * as BootpayBody from "./BootpayBody.ts";
import * as BootpayErrors from "./BootpayErrors.ts";
import * as BootpayKeys from "./BootpayKeys.ts";
import * as BootpayReceipt from "./BootpayReceipt.ts";
import * as BootpayRequests from "./BootpayRequests.ts";

type Receipt = BootpayReceipt.Receipt;
type Outcome = VendorApi.Outcome<Receipt>;
type Kept = Outcome["answer"];
type Request = VendorApi.Request;
type Ledger = PaymentLedger<Receipt, BootpayReceipt.Command>;

export const tokenPath = "/v2/request/token";
export const operations = ["token", "confirm", "inquire", "cancel"] as const;

export const rules: Rules<Receipt, BootpayReceipt.Command> = {
  gateway: "bootpay",
  payment: BootpayReceipt.Receipt,
  keyOf: ({ receiptId }) => receiptId,
  orderOf: ({ orderId }) => orderId,
  asOf: BootpayReceipt.asOf,
  decide: BootpayReceipt.decide,
  moved: (before, after, command) => {
    if (!("transactionKey" in command)) return undefined;
    const moved = { currency: "KRW", transactionKey: command.transactionKey };
    if (command._tag === "Confirm") return { kind: "captured", amount: after.price, ...moved };
    const amount = after.cancelledPrice - before.cancelledPrice;
    return amount === 0 ? undefined : { kind: "canceled", amount, ...moved };
  },
  takesOrder: ({ purchasedAt }) => purchasedAt !== null,
  notFound: "RC_NOT_FOUND",
  // The vendor has no idempotency keys.
  idempotencyLifeMillis: 0,
};

export interface Settings {
  readonly keys: Omit<BootpayKeys.Settings, "now" | "token">;
  readonly rateLimitPerMinute: number | undefined;
  readonly now: () => number;
  readonly ids: (kind: "receipt" | "transaction" | "token") => string;
}

export const make = (settings: Settings, faults: Faults, ledger: Ledger) => {
  const { ids, now } = settings;
  const keys = BootpayKeys.make({ ...settings.keys, now, token: () => ids("token") });

  const refuse = (code: string): Kept => ({
    status: BootpayErrors.statusOf(code),
    error: BootpayErrors.make(code),
  });

  const shown = (receipt: Receipt) => BootpayBody.receipt(receipt, api.isConfirming(receipt.receiptId));

  const reply = (kept: Kept, request?: Request, headers: Server.Headers = {}): Server.Answer => {
    if ("error" in kept) return Server.json(kept.status, kept.error, headers);
    // Only a question can meet a receipt on its way; whoever moved it is told where it arrived.
    const body = request?.method === "GET" ? shown(kept.payment) : BootpayBody.receipt(kept.payment, false);
    return Server.json(kept.status, body, headers);
  };

  const api = VendorApi.make({
    faults,
    ledger,
    rateLimitPerMinute: settings.rateLimitPerMinute,
    now,
    dialect: {
      reply,
      refuse,
      // A token request carries its credentials in the body.
      authenticate: (request) =>
        request.path === tokenPath ? Result.succeed(settings.keys.applicationId) : keys.authenticate(request),
      idempotencyKey: () => Result.succeed(undefined),
      codes: {
        tooManyRequests: "TOO_MANY_REQUESTS",
        inFlight: "RC_NOT_CONFIRM_READY",
        confirming: "RC_NOT_CONFIRM_READY",
      },
    },
  });
  const { conclude, get, post } = api;

  const confirm = (request: Request, drawn: Drawn): Outcome => {
    const receiptId = VendorApi.field(request, "receipt_id") ?? "";
    if (drawn.fault?.kind === "error") {
      const { code } = drawn.fault;
      if (code !== "RC_CONFIRM_FAILED") return { answer: refuse(code) };
      const refused = ledger.decide(receiptId, { _tag: "Refuse" });
      return { answer: refuse(code), ...(Result.isSuccess(refused) ? { move: refused.success } : {}) };
    }
    return conclude(ledger.decide(receiptId, { _tag: "Confirm", transactionKey: ids("transaction") }), request);
  };

  const cancel = (request: Request, drawn: Drawn): Outcome => {
    if (drawn.fault?.kind === "error") return { answer: refuse(drawn.fault.code) };
    const body = BootpayRequests.decodeCancel(request.body);
    if (body._tag === "None") return { answer: refuse("RC_CANCEL_SERVER_ERROR") };
    const { cancel_id: cancelId, cancel_message: message = "", cancel_price: price, receipt_id } = body.value;
    const transactionKey = ids("transaction");
    return conclude(ledger.decide(receipt_id, { _tag: "Cancel", price, cancelId, message, transactionKey }), request);
  };

  return {
    confirm: post("confirm", confirm, (request) => VendorApi.field(request, "receipt_id")),
    cancel: post("cancel", cancel),
    inquire: get("inquire", (request): Kept => {
      const receipt = ledger.find(request.parameters["receiptId"] ?? "");
      return receipt === undefined ? refuse("RC_NOT_FOUND") : { status: 200, payment: receipt };
    }),
    /** Every receipt of an order, as an array; an error comes as an object. */
    inquireByOrder: get("inquire", (request) => {
      const receipts = ledger.allOf(request.parameters["orderId"] ?? "");
      return receipts.length === 0 ? refuse("RC_NOT_FOUND") : Server.json(200, receipts.map(shown));
    }),
    token: get("token", (request) =>
      Result.match(keys.issue(request), {
        onSuccess: (token): Kept | Server.Answer => Server.json(200, token),
        onFailure: refuse,
      }),
    ),
    /** Turns every access token away. */
    revoke: (): Server.Answer => {
      keys.reset();
      return Server.json(204, undefined);
    },
    /** The buyer authenticates. */
    authenticate: (request: Request): Server.Answer => {
      const decided = ledger.decide(request.parameters["receiptId"] ?? "", { _tag: "Authenticate" });
      const { answer, move } = conclude(decided, request);
      ledger.commit(move);
      return reply(answer);
    },
    failure: (status: 404 | 413 | 500): Server.Answer => {
      const code = { 404: "NOT_FOUND", 413: "PAYLOAD_TOO_LARGE", 500: "INTERNAL_SERVER_ERROR" }[status];
      return reply({ status, error: BootpayErrors.make(code) });
    },
    create: (input: BootpayRequests.NewPayment): Receipt => {
      const { amount, method = "card", orderId, orderName = "주문", status = 2 } = input;
      const at = now();
      return {
        receiptId: ids("receipt"),
        orderId,
        orderName,
        method,
        price: amount,
        cancelledPrice: 0,
        status,
        requestedAt: at,
        authenticatedAt: status === 0 ? null : at,
        purchasedAt: null,
        tid: null,
        cancels: [],
      };
    },
    handed: ({ orderId, price, receiptId }: Receipt) => ({ paymentKey: receiptId, orderId, amount: price }),
  };
};
