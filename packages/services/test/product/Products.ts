/** What the tests of the product service have in common: the service, and products to sell. */
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import { BrandId, type Product, ProductId, type ProductStatus, Won } from "../../src/contracts/index.ts";
import * as Room from "../../src/product/layer.ts";
import { seed } from "../../src/product/seed.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";

export const service = ServiceTest.layer("product", Room.layer);

export const brandId = BrandId.make("0190a000-0000-7000-8000-00000000b0b0");

export const newId = Effect.map(Ids.fresh, (id) => ProductId.make(id));

/** Puts a product on sale as the seed does. */
export const sold = Effect.fnUntraced(function* (status: ProductStatus = "AVAILABLE", price = 1000, name?: string) {
  const id = yield* newId;
  const product: Product = {
    id,
    brandId,
    name: name ?? `product ${id}`,
    price: Won.make(price),
    status,
    color: null,
    size: "M",
  };
  yield* seed([product]);
  return product;
});

/** Puts another product on sale that is like one of them but for what is said. */
export const variant = Effect.fnUntraced(function* (product: Product, changes: Partial<Product>) {
  const id = yield* newId;
  const other = { ...product, id, name: `product ${id}`, ...changes };
  yield* seed([other]);
  return other;
});
