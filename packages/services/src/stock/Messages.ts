/** Translates between the shop's messages and the reservation machine, whose SKUs are product ids. */
import type { Decided } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import { Consumer } from "@destiny/sdk/outbox";
import { ReservationMachine } from "@destiny/sdk/reservation";
import {
  ClaimStock,
  ExtendHold,
  HoldStock,
  ProductCreated,
  ProductId,
  ProductReopened,
  ProductRestocked,
  ProductSoldOut,
  ReleaseStock,
  ReturnStock,
} from "../contracts/index.ts";

type Input = ReservationMachine.Input;
type Output = ReservationMachine.Output;

export const decode = Consumer.decoder<Input>([
  Consumer.on(HoldStock, ({ lines, orderId, until }) => ({
    _tag: "Hold",
    orderId,
    until,
    lines: lines.map(({ productId, quantity }) => ({ sku: productId, quantity })),
  })),
  Consumer.on(ExtendHold, ({ orderId, until }) => ({ _tag: "Extend", orderId, until })),
  Consumer.on(ReleaseStock, ({ orderId }) => ({ _tag: "Release", orderId })),
  Consumer.on(ClaimStock, ({ orderId }) => ({ _tag: "Claim", orderId })),
  Consumer.on(ReturnStock, ({ orderId }) => ({ _tag: "Return", orderId })),
  Consumer.on(ProductCreated, ({ productId, quantity }) => ({
    _tag: "Restock",
    sku: productId,
    quantity,
    cause: `product ${productId} created`,
  })),
  Consumer.on(ProductRestocked, ({ movement, productId, quantity }) => ({
    _tag: "Restock",
    sku: productId,
    quantity,
    cause: `restock ${movement}`,
  })),
]);

const done = { _tag: "Done", value: {} } as const;

const holdRefusal = (refusal: ReservationMachine.Refusal): typeof HoldStock.refusal.Type => {
  switch (refusal._tag) {
    case "SoldOut":
      return { _tag: "SoldOut", productId: ProductId.make(refusal.sku), available: refusal.available };
    case "UnknownSku":
      return { _tag: "UnknownProduct", productId: ProductId.make(refusal.sku) };
    case "Cancelled":
      return refusal;
  }
};

const drafts = (
  output: Output,
  envelope: Envelope.Envelope | undefined,
  version: (key: ReservationMachine.Key) => number,
): ReadonlyArray<Envelope.Draft> => {
  const answer = (
    command: Message.AnyCommand,
    orderId: string,
    reply: Message.Reply<unknown, unknown> = done,
  ): ReadonlyArray<Envelope.Draft> =>
    envelope === undefined
      ? []
      : Message.reply(command, envelope, reply, { orderedBy: ReservationMachine.orderKey(orderId) });
  const tell = (event: typeof ProductSoldOut | typeof ProductReopened, sku: string) => {
    const key = ReservationMachine.skuKey(sku);
    const payload = { productId: ProductId.make(sku), version: version(key) };
    return [Message.draft(event, payload, { orderedBy: key })];
  };
  switch (output._tag) {
    case "Held":
      return answer(HoldStock, output.orderId);
    case "Refused":
      return answer(HoldStock, output.orderId, { _tag: "Refused", reason: holdRefusal(output.refusal) });
    case "Extended":
      return answer(ExtendHold, output.orderId);
    case "Released":
      return answer(ReleaseStock, output.orderId);
    case "Claimed":
      return answer(ClaimStock, output.orderId);
    case "Short":
      return answer(ClaimStock, output.orderId, {
        _tag: "Refused",
        reason: { productIds: output.skus.map((sku) => ProductId.make(sku)) },
      });
    case "Returned":
      return answer(ReturnStock, output.orderId);
    case "SoldOut":
      return tell(ProductSoldOut, output.sku);
    case "Reopened":
      return tell(ProductReopened, output.sku);
    case "Expired":
    case "Restocked":
      return [];
  }
};

export const emit = ({
  input,
  verdict,
  version,
}: Decided<ReservationMachine.Key, Input, Output, ReservationMachine.Rejection>): ReadonlyArray<Envelope.Draft> =>
  verdict._tag === "Rejected" ? [] : verdict.outputs.flatMap((output) => drafts(output, input.envelope, version));
