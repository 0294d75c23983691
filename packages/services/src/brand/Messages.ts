/** What a brand tells the others, and what it hears of orders. */
import type { Decided } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import { Consumer } from "@destiny/sdk/outbox";
import {
  BrandCreated,
  BrandDeleted,
  BrandUpdated,
  OrderCanceled,
  OrderCanceledV1,
  OrderCompleted,
  OrderCompletedV1,
  ofVersion1,
  Topics,
} from "../contracts/index.ts";
import { type Answer, brandKey, type BrandInput, type Key, type Rejection } from "./Domain.ts";

export const topics = [Topics.orderEvents];

export const decode = Consumer.decoder<BrandInput>([
  Consumer.on(OrderCompleted, (payload) => ({ _tag: "Sold", ...payload })),
  Consumer.on(OrderCompletedV1, (payload) => ({ _tag: "Sold", ...ofVersion1(payload) })),
  Consumer.on(OrderCanceled, (payload) => ({ _tag: "GivenBack", ...payload })),
  Consumer.on(OrderCanceledV1, (payload) => ({ _tag: "GivenBack", ...ofVersion1(payload) })),
]);

const events = { Create: BrandCreated, Update: BrandUpdated, Remove: BrandDeleted } as const;

export const emit = ({
  input: { input },
  verdict,
  version,
}: Decided<Key, BrandInput, Answer, Rejection>): ReadonlyArray<Envelope.Draft> => {
  if (verdict._tag === "Rejected" || verdict.changes.size === 0) return [];
  if (input._tag === "Sold" || input._tag === "GivenBack") return [];
  const key = brandKey(input.brandId);
  return verdict.outputs.flatMap((state) =>
    state._tag === "Brand"
      ? Message.draft(
          events[input._tag],
          { brandId: state.id, managerId: state.managerId, brandName: state.name, version: version(key) },
          { orderedBy: key },
        )
      : [],
  );
};
