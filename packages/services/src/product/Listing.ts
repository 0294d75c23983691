/** What the managers of brands do with products. */
import { Machine } from "@destiny/sdk/machine";
import type { BrandId, Product } from "../contracts/index.ts";
import type { By } from "../shared/Caller.ts";
import {
  type Answer,
  brandKey,
  type InputOf,
  type Key,
  type Listed,
  nameId,
  nameKey,
  type Owner,
  productKey,
  type ProductInput,
  productOf,
  type Rejection,
  type Seen,
  type State,
  type Verdict,
  withStock,
} from "./State.ts";

/** A product names its brand and the name that it has taken. */
export const more = (view: Seen, input: ProductInput): ReadonlyArray<Key> => {
  if (input._tag !== "Update" && input._tag !== "Remove" && input._tag !== "Restock") return [];
  const product = productOf(view, input.productId);
  if (product === undefined) return [];
  if (input._tag === "Restock") return [brandKey(product.brandId)];
  const wanted = input._tag === "Update" ? (input.name ?? product.name) : product.name;
  return [
    ...new Set([brandKey(product.brandId), nameKey(product.brandId, product.name), nameKey(product.brandId, wanted)]),
  ];
};

const ownerOf = (view: Seen, brandId: BrandId): Owner | undefined => {
  const state = view.get(brandKey(brandId));
  return state?._tag === "Owner" && !state.isRemoved ? state : undefined;
};

const mayManage = (view: Seen, by: By, brandId: BrandId): boolean =>
  by === null || ownerOf(view, brandId)?.managerId === by;

const isTaken = (view: Seen, brandId: BrandId, name: string): boolean => {
  const state = view.get(nameKey(brandId, name));
  return state?._tag === "Name" && state.productId !== null;
};

const named = (
  { brandId, name }: { readonly brandId: BrandId; readonly name: string },
  productId: Listed["id"] | null,
): readonly [Key, State] => [nameKey(brandId, name), { _tag: "Name", id: nameId(brandId, name), productId }];

/** What of a product is anybody's to see. */
export const shown = ({ brandId, color, id, name, price, size, status }: Listed): Product => ({
  id,
  brandId,
  name,
  price,
  status,
  color,
  size,
});

const listed = (product: Listed): Answer => ({ _tag: "Listed", product: shown(product) });

const reject = (_tag: Rejection["_tag"]): Verdict => Machine.reject({ _tag });

export const brandTold = (view: Seen, input: InputOf<"BrandTold">): Verdict => {
  const { brandId, isRemoved, managerId, version: told } = input;
  const key = brandKey(brandId);
  const known = view.get(key);
  const isLate = known?._tag === "Owner" && known.told >= told;
  const changes: ReadonlyArray<readonly [Key, State]> = isLate
    ? []
    : [[key, { _tag: "Owner", brandId, managerId, isRemoved, told }]];
  return Machine.accept(changes, [{ _tag: "Noted" }]);
};

export const create = (view: Seen, input: InputOf<"Create">): Verdict => {
  const { brandId, by, color, name, price, productId: id, quantity, size } = input;
  if (ownerOf(view, brandId) === undefined) return reject("BrandNotFound");
  if (!mayManage(view, by, brandId)) return reject("NotManager");
  if (isTaken(view, brandId, name)) return reject("NameTaken");
  const product = withStock({
    _tag: "Product",
    id,
    brandId,
    name,
    price,
    status: "AVAILABLE",
    color: color ?? null,
    size: size ?? null,
    stockVersion: 0,
    isSoldOut: quantity === 0,
    isRemoved: false,
  });
  return Machine.accept<Key, State, Answer>([[productKey(id), product], named(product, id)], [listed(product)]);
};

export const update = (view: Seen, input: InputOf<"Update">): Verdict => {
  const product = productOf(view, input.productId);
  if (product === undefined) return reject("NotFound");
  if (!mayManage(view, input.by, product.brandId)) return reject("NotManager");
  const next = withStock({
    ...product,
    name: input.name ?? product.name,
    price: input.price ?? product.price,
    status: input.status ?? product.status,
    color: input.color === undefined ? product.color : input.color,
    size: input.size === undefined ? product.size : input.size,
  });
  const isRenamed = next.name !== product.name;
  if (isRenamed && isTaken(view, next.brandId, next.name)) return reject("NameTaken");
  return Machine.accept<Key, State, Answer>(
    [[productKey(next.id), next], ...(isRenamed ? [named(product, null), named(next, next.id)] : [])],
    [listed(next)],
  );
};

/** A removed product stays hidden; orders that it is in keep its id. */
export const remove = (view: Seen, input: InputOf<"Remove">): Verdict => {
  const product = productOf(view, input.productId);
  if (product === undefined) return reject("NotFound");
  if (!mayManage(view, input.by, product.brandId)) return reject("NotManager");
  const next: Listed = { ...product, status: "HIDED", isRemoved: true };
  return Machine.accept<Key, State, Answer>([[productKey(next.id), next], named(product, null)], [listed(next)]);
};

/** Only whether they may is decided here; how many there are then is the stock's to count. */
export const restock = (view: Seen, input: InputOf<"Restock">): Verdict => {
  const product = productOf(view, input.productId);
  if (product === undefined) return reject("NotFound");
  if (!mayManage(view, input.by, product.brandId)) return reject("NotManager");
  return Machine.accept<Key, State, Answer>([], [listed(product)]);
};
