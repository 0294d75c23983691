/**
 * What a load needs before its first arrival: logged-in shoppers and the catalogue, both through the front door, as any
 * client would get them. No key that could sign a token is ever here.
 *
 * Limits: `maxAttempts` a request; the first `maxProducts` products of the shop.
 */
import { clock } from "./HttpClient.ts";
import type { HttpRequest, Product } from "./Scenario.ts";
import * as Shopper from "./Shopper.ts";
import type { Job } from "./Summary.ts";

const maxProducts = 10_000;
const pageSize = 100;
const maxAttempts = 5;

/** The shop could not be made ready for a run: no user could log in, no product is on sale. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

type Preparing = Pick<Shopper.World, "client" | "metrics" | "pause">;

/** Services may still be warming up, so preparing asks again a few times; nobody is counted as waiting yet. */
const insist = async (world: Preparing, headers: Record<string, string>, wanted: Omit<HttpRequest, "allowed">) => {
  for (let attempt = 1; ; attempt++) {
    const answer = await Shopper.request(world, -1, headers, { ...wanted, allowed: [200, 0, 429, 502, 503, 504] });
    if (answer.status === 200) return answer;
    if (attempt >= maxAttempts) {
      throw new LoadError(`${wanted.route} answered ${answer.status} ${answer.error ?? JSON.stringify(answer.body)}`);
    }
    await world.pause(250 * attempt);
  }
};

/** The account of a user, logged in through the front door; a token that grew old is renewed by whoever needs it. */
export const accounts = (world: Preparing, job: Job, maxTokenAgeMillis: number) => {
  const known = new Map<number, { readonly since: number; readonly account: Promise<Shopper.Account> }>();
  const login = async (user: number): Promise<Shopper.Account> => {
    const credentials = job.users[user];
    if (credentials === undefined) throw new LoadError(`the job has no user ${user}`);
    const { username, password } = credentials;
    const headers = { "x-forwarded-for": Shopper.addressOf(user, 128) };
    const wanted = { route: "POST /v1/auths/login", method: "POST", path: "/v1/auths/login" } as const;
    const { body } = await insist(world, headers, { ...wanted, body: { username, password } });
    const { userId, accessToken } = body;
    if (typeof userId !== "string" || typeof accessToken !== "string") {
      throw new LoadError("the answer to the log-in has no userId or no accessToken");
    }
    return { id: userId, username, token: accessToken };
  };
  return (user: number): Promise<Shopper.Account> => {
    const now = clock();
    const entry = known.get(user);
    if (entry !== undefined && now - entry.since < maxTokenAgeMillis) return entry.account;
    const account = login(user);
    known.set(user, { since: now, account });
    account.catch(() => known.delete(user));
    return account;
  };
};

export const concurrently = async <A>(items: ReadonlyArray<A>, bound: number, one: (item: A) => Promise<void>) => {
  const left = items.values();
  await Promise.all(
    Array.from({ length: Math.max(1, bound) }, async () => {
      for (const item of left) await one(item);
    }),
  );
};

export const catalogue = async (world: Preparing, job: Job, token: string): Promise<ReadonlyArray<Product>> => {
  const headers = { "x-forwarded-for": Shopper.addressOf(0, 128), authorization: `Bearer ${token}` };
  const found: Array<Product> = [];
  for (let cursor: string | undefined = ""; cursor !== undefined && found.length < maxProducts;) {
    const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const wanted = {
      route: "GET /v1/products",
      method: "GET",
      path: `/v1/products?limit=${pageSize}${after}`,
    } as const;
    const { body } = await insist(world, headers, wanted);
    for (const item of Array.isArray(body["items"]) ? (body["items"] as ReadonlyArray<Partial<Product>>) : []) {
      if (typeof item.id === "string" && typeof item.price === "number") {
        found.push({ id: item.id, name: item.name ?? "", price: item.price });
      }
    }
    cursor = typeof body["nextCursor"] === "string" ? body["nextCursor"] : undefined;
  }
  if (found.length === 0) throw new LoadError("the shop has no products");
  const rank = new Map(job.hotProductIds.map((id, index) => [id, index]));
  const ranked = (product: Product) => rank.get(product.id) ?? Number.MAX_SAFE_INTEGER;
  return found.toSorted((left, right) => ranked(left) - ranked(right));
};
