/**
 * The page that a buyer pays on: one for each gateway, plain HTML without scripts.
 *
 * It names what the gateway's own payment window is opened with. The window's script and its public keys belong to the
 * shop's front end; what the window gives the browser is the payment key that the confirmation asks for.
 */
import { Bootpay, type PaymentMachine, PortOne, Toss } from "@destiny/sdk/payment";

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

type Fields = Readonly<Record<string, string | number>>;

interface Window {
  readonly gateway: string;
  readonly fields: (intent: PaymentMachine.Intent) => Fields;
  /** What the confirmation takes as `paymentKey`. */
  readonly paymentKey: string;
}

/** The buyer's next try at a gateway: PortOne wants an id of its own for each. */
const nextNo = ({ attempts }: PaymentMachine.Intent): number => attempts.length + 1;

const windows: Readonly<Record<string, Window>> = {
  [Toss.provider]: {
    gateway: "Toss Payments",
    fields: ({ amount, name, reference }) => ({ orderId: reference, orderName: name, amount, currency: "KRW" }),
    paymentKey: "paymentKey of the success URL",
  },
  [PortOne.provider]: {
    gateway: "PortOne",
    fields: (intent) => ({
      paymentId: PortOne.paymentId(intent.reference, nextNo(intent)),
      orderName: intent.name,
      totalAmount: intent.amount,
      currency: "KRW",
    }),
    paymentKey: "paymentId and paymentToken, with a colon between them",
  },
  [Bootpay.provider]: {
    gateway: "Bootpay",
    fields: ({ amount, name, reference }) => ({
      order_id: reference,
      order_name: name,
      price: amount,
      "extra.separately_confirmed": "true",
    }),
    paymentKey: "receipt_id of the confirm event",
  },
};

/** What there is to say when there is nothing to pay. */
const endings: Readonly<Record<Exclude<PaymentMachine.IntentStatus, "open">, string>> = {
  confirming: "The payment is being confirmed.",
  captured: "The order is paid.",
  refunding: "The money is on its way back.",
  refunded: "The money went back.",
  closed: "The payment window has ended.",
};

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${body}
</main>
</body>
</html>
`;

const list = (fields: Fields): string =>
  Object.entries(fields)
    .map(
      ([name, value]) => `<dt>${escaped(name)}</dt>\n<dd data-field="${escaped(name)}">${escaped(String(value))}</dd>`,
    )
    .join("\n");

export const render = (intent: PaymentMachine.Intent): string => {
  const window = windows[intent.provider];
  if (window === undefined) throw new Error(`no checkout page for gateway ${intent.provider}`);
  const due = `<p>${escaped(intent.name)}: <strong>${intent.amount.toLocaleString("en")} won</strong></p>`;
  if (intent.status !== "open") return page("Payment", `${due}\n<p>${endings[intent.status]}</p>`);
  return page(
    `Pay with ${window.gateway}`,
    `${due}
<dl data-gateway="${escaped(intent.provider)}">
${list(window.fields(intent))}
</dl>
<p>Until <time datetime="${new Date(intent.until).toISOString()}">${new Date(intent.until).toISOString()}</time>.
<code>POST /v1/payments/confirm</code> takes as <code>paymentKey</code>: ${escaped(window.paymentKey)}.</p>`,
  );
};
