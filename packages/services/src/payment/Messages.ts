/** Translates between the shop's messages and the payment machine, whose reference is the order. */
import type { Decided } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import { Consumer } from "@destiny/sdk/outbox";
import type { PaymentMachine } from "@destiny/sdk/payment";
import { Bootpay, PortOne, Toss } from "@destiny/sdk/payment";
import {
  ClosePayment,
  OpenPayment,
  OrderId,
  type PaymentProvider,
  PaymentSettled,
  RefundPayment,
  VoidPayment,
  Won,
} from "../contracts/index.ts";

type Input = PaymentMachine.Input;
type Output = PaymentMachine.Output;

const named: Readonly<Record<string, PaymentProvider>> = {
  [Toss.provider]: "TOSSPAYMENTS",
  [PortOne.provider]: "PORTONE",
  [Bootpay.provider]: "BOOTPAY",
};

/** The shop's name of a gateway. */
export const providerName = (provider: string): PaymentProvider => {
  const name = named[provider];
  if (name === undefined) throw new Error(`no name for gateway ${provider}`);
  return name;
};

/** A gateway by the shop's name; undefined when no gateway is called so. */
export const providerOf = (name: PaymentProvider): string | undefined =>
  Object.keys(named).find((provider) => named[provider] === name);

/** Money takes its time: the asker is remembered with the intent, and answered when the gateway has answered. */
const askedBy = (command: "refund" | "void", envelope: Envelope.Envelope): PaymentMachine.AskedBy => {
  const { correlationId, key, operationId, replyTo, sagaId, traceparent } = envelope;
  const entries = Object.entries({ command, correlationId, key, operationId, replyTo, sagaId, traceparent });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
};

/** What comes over the bus; `choose` says where a new order is paid. */
export const decoder = (choose: (orderId: string) => PaymentMachine.Choice) =>
  Consumer.decoder<Input>([
    Consumer.on(OpenPayment, ({ amount, orderId, orderName, until, userId }) => ({
      _tag: "Open",
      reference: orderId,
      owner: userId,
      name: orderName,
      amount,
      ...choose(orderId),
      until,
    })),
    Consumer.on(ClosePayment, ({ cancel, orderId }) => ({ _tag: "Close", reference: orderId, cancel })),
    Consumer.on(RefundPayment, ({ orderId, reason }, envelope) => ({
      _tag: "Refund",
      reference: orderId,
      reason,
      askedBy: askedBy("refund", envelope),
    })),
    Consumer.on(VoidPayment, ({ orderId, reason }, envelope) => ({
      _tag: "Void",
      reference: orderId,
      reason,
      askedBy: askedBy("void", envelope),
    })),
  ]);

/** The message types that payments take. */
export const { types } = decoder((orderId) => {
  throw new Error(`nobody chooses where ${orderId} is paid`);
});

const settlement = (reference: string, output: { readonly provider: string; readonly amount: number }) => ({
  orderId: OrderId.make(reference),
  provider: providerName(output.provider),
  amount: Won.make(output.amount),
});

/** Answers whoever asked for the money to go back, be it a refund or the undo of an intent. */
const givenBack = (by: PaymentMachine.AskedBy, amount: number, orderedBy: string): ReadonlyArray<Envelope.Draft> => {
  const asker = by as unknown as Message.Asker;
  return by["command"] === "refund"
    ? Message.reply(RefundPayment, asker, { _tag: "Done", value: { refunded: Won.make(amount) } }, { orderedBy })
    : Message.reply(VoidPayment, asker, { _tag: "Done", value: {} }, { orderedBy });
};

const drafts = (output: Output, reference: string, envelope: Envelope.Envelope | undefined) => {
  const extras = { orderedBy: reference };
  const answer = (command: Message.AnyCommand, value: unknown) =>
    envelope === undefined ? [] : Message.reply(command, envelope, { _tag: "Done", value }, extras);
  switch (output._tag) {
    case "Opened":
      return answer(OpenPayment, {});
    case "Closed":
      return answer(ClosePayment, { _tag: "Closed" });
    case "StillPending":
      return answer(ClosePayment, { _tag: "Pending" });
    case "SettledBefore":
      return answer(ClosePayment, { _tag: "Settled", settlement: settlement(reference, output) });
    case "Settled":
      return [Message.draft(PaymentSettled, settlement(reference, output), { ...extras, correlationId: reference })];
    case "Refunded":
      return givenBack(output.askedBy, output.amount, reference);
    case "Voided":
      return givenBack(output.askedBy, 0, reference);
    case "RefundRefused":
      return output.askedBy["command"] === "refund"
        ? Message.reply(
            RefundPayment,
            output.askedBy as unknown as Message.Asker,
            { _tag: "Refused", reason: { code: output.code } },
            extras,
          )
        : [];
    case "Begun":
    case "AlreadyCaptured":
    case "Reissued":
    case "Noted":
      return [];
  }
};

export const emit = ({
  input,
  verdict,
}: Decided<string, Input, Output, PaymentMachine.Rejection>): ReadonlyArray<Envelope.Draft> => {
  const { envelope, input: asked } = input;
  if (verdict._tag === "Accepted")
    return verdict.outputs.flatMap((output) => drafts(output, asked.reference, envelope));
  return asked._tag === "Open" && envelope !== undefined
    ? Message.reply(
        OpenPayment,
        envelope,
        { _tag: "Refused", reason: { reason: "CLOSED" } },
        { orderedBy: asked.reference },
      )
    : [];
};
