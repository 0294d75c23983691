/**
 * The brand as a machine: who manages it, and what was sold under it.
 *
 * Guarantee: only a brand's manager, or a MASTER, changes it, and whoever may at the commit may; a deleted brand stays
 * deleted. A sale of a brand that is unknown here, or gone, is kept all the same: somebody paid for it.
 */
import { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import {
  BrandId,
  BrandOrder,
  type Completed,
  Instant,
  type OrderCanceled,
  type OrderId,
  type PaidLine,
  UserId,
  Won,
} from "../contracts/index.ts";
import type { By } from "../shared/Caller.ts";

export const BrandState = Schema.TaggedStruct("Brand", {
  id: BrandId,
  managerId: UserId,
  name: Schema.String,
  removed: Schema.Boolean,
  createdAt: Instant,
  updatedAt: Instant,
});
export type BrandState = typeof BrandState.Type;

export const Sale = Schema.TaggedStruct("Sale", { brandId: BrandId, ...BrandOrder.fields });
export type Sale = typeof Sale.Type;

export type State = BrandState | Sale;
export type Key = `brand/${string}` | `sale/${string}`;

export const brandKey = (id: BrandId): Key => `brand/${id}`;
/** One for each brand of an order. */
export const saleId = (orderId: OrderId, brandId: BrandId): string => `${orderId}/${brandId}`;
export const saleKey = (orderId: OrderId, brandId: BrandId): Key => `sale/${saleId(orderId, brandId)}`;

type Sold = { readonly _tag: "Sold" } & Completed;
type GivenBack = { readonly _tag: "GivenBack" } & typeof OrderCanceled.payload.Type;

export type BrandInput =
  | { readonly _tag: "Create"; readonly brandId: BrandId; readonly managerId: UserId; readonly name: string }
  | {
      readonly _tag: "Update";
      readonly brandId: BrandId;
      readonly by: By;
      readonly managerId?: UserId | undefined;
      readonly name?: string | undefined;
    }
  | { readonly _tag: "Remove"; readonly brandId: BrandId; readonly by: By }
  | Sold
  | GivenBack;

/** The brand with the version that it has after the input. */
export const Answer = Schema.Union([BrandState, Schema.TaggedStruct("Noted", {})]);
export type Answer = typeof Answer.Type;

export const Rejection = Schema.Union([Schema.TaggedStruct("NotFound", {}), Schema.TaggedStruct("NotManager", {})]);
export type Rejection = typeof Rejection.Type;

type Seen = Machine.View<Key, State>;
type Verdict = Machine.Verdict<Key, State, Answer, Rejection>;

/** The lines of each brand. */
const byBrand = (lines: ReadonlyArray<PaidLine>): ReadonlyMap<BrandId, ReadonlyArray<PaidLine>> =>
  Map.groupBy(lines, ({ brandId }) => brandId);

const amountOf = (lines: ReadonlyArray<PaidLine>): Won => Won.make(lines.reduce((sum, { paid }) => sum + paid, 0));

const told = (view: Seen, input: Sold | GivenBack): Verdict => {
  const { at, lines, orderId } = input;
  // Who bought what was given back is the brand's business no more.
  const now =
    input._tag === "Sold"
      ? ({ status: "COMPLETED", recipient: input.recipient } as const)
      : ({ status: "CANCELED", recipient: null } as const);
  const changes: Array<readonly [Key, State]> = [];
  for (const [brandId, own] of byBrand(lines)) {
    const key = saleKey(orderId, brandId);
    const known = view.get(key);
    const sale: Sale =
      known?._tag === "Sale"
        ? { ...known, ...now }
        : { _tag: "Sale", brandId, orderId, ...now, lines: own, amount: amountOf(own), completedAt: at };
    // A sale that was given back is over: whatever is told of it afterwards is old.
    if (known?._tag !== "Sale" || known.status !== "CANCELED") changes.push([key, sale]);
  }
  return Machine.accept(changes, [{ _tag: "Noted" }]);
};

export const machine: Machine.Machine<Key, State, BrandInput, Answer, Rejection> = {
  name: "brand",
  creates: (input) => (input._tag === "Create" ? [brandKey(input.brandId)] : []),
  keys: (input) =>
    input._tag === "Sold" || input._tag === "GivenBack"
      ? [...byBrand(input.lines).keys()].map((brandId) => saleKey(input.orderId, brandId))
      : [brandKey(input.brandId)],
  decide: (view, { at, input }): Verdict => {
    if (input._tag === "Sold" || input._tag === "GivenBack") return told(view, input);
    const key = brandKey(input.brandId);
    const brand = view.get(key);
    if (input._tag === "Create") {
      if (brand !== undefined) throw new Error(`brand ${input.brandId} exists`);
      const { brandId: id, managerId, name } = input;
      const created: BrandState = {
        _tag: "Brand",
        id,
        managerId,
        name,
        removed: false,
        createdAt: at,
        updatedAt: at,
      };
      return Machine.accept([[key, created]], [created]);
    }
    if (brand?._tag !== "Brand" || brand.removed) return Machine.reject({ _tag: "NotFound" });
    if (input.by !== null && input.by !== brand.managerId) return Machine.reject({ _tag: "NotManager" });
    const next: BrandState =
      input._tag === "Remove"
        ? { ...brand, removed: true, updatedAt: at }
        : { ...brand, managerId: input.managerId ?? brand.managerId, name: input.name ?? brand.name, updatedAt: at };
    const changed = next.removed || next.managerId !== brand.managerId || next.name !== brand.name;
    return changed ? Machine.accept([[key, next]], [next]) : Machine.accept([], [brand]);
  },
};
