/** What comes before an order: three reads. */
import type { HttpRequest, Product, Shopper } from "@destiny/testkit/scenario";
import { insist } from "./shopping.ts";

const pageSize = 20;

const read = (shopper: Shopper, route: string, path: string) => {
  const request: HttpRequest = { route, method: "GET", path, allowed: [200] };
  return insist(shopper, request);
};

/** One of the words of its name, as somebody would look for it. */
const wordOf = ({ name }: Product, shopper: Shopper): string => {
  const words = name.split(" ");
  return words[Math.floor(shopper.random() * words.length)] ?? name;
};

/** Looks at the shop window, searches, and looks at the product that it will order: a popular one more often. */
export const chooseProduct = async (shopper: Shopper): Promise<Product> => {
  const product = shopper.products.pick();
  await read(shopper, "GET /v1/products", `/v1/products?limit=${pageSize}`);
  const query = encodeURIComponent(wordOf(product, shopper));
  await read(shopper, "GET /v1/products?query", `/v1/products?limit=${pageSize}&query=${query}`);
  await read(shopper, "GET /v1/products/{id}", `/v1/products/${product.id}`);
  return product;
};
