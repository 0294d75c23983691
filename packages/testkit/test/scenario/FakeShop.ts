/** A shop of a few lines with the real one's HTTP contract, that misbehaves on the order numbers it is told to. */
import * as Effect from "effect/Effect";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as timers from "node:timers/promises";

export interface FakeOrder {
  readonly id: string;
  readonly key: string;
  readonly amount: number;
  readonly couponId: unknown;
  status: string;
  failureReason?: string;
}

export interface Misbehaviour {
  /** By the number of the first request with a new key, from 1. */
  readonly post: (
    number: number,
  ) => "place" | "placeAndReset" | "hang" | "unavailable" | "overloaded" | "broken" | "soldOut";
  readonly paymentWindowMillis: number;
  /** How long the shop takes to make an order payable. */
  readonly reserveMillis: number;
  /** Coupons that there are. */
  readonly coupons: number;
  /** What a confirm at the first gateway is answered with; the second one works. */
  readonly firstGateway: 200 | 202 | 409 | 503;
}

export const wellBehaved: Misbehaviour = {
  post: () => "place",
  paymentWindowMillis: 400,
  reserveMillis: 15,
  coupons: 4,
  firstGateway: 200,
};

const price = 1_000;

const read = async (request: http.IncomingMessage): Promise<Record<string, unknown>> => {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
};

export const make = (misbehaviour: Misbehaviour) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const orders = new Map<string, FakeOrder>();
      const byKey = new Map<string, FakeOrder>();
      const firsts = new Set<string>();
      const addresses = new Set<string>();
      const wakers = new Set<() => void>();
      const move = (order: FakeOrder, from: string, status: string, reason?: string) => {
        if (order.status !== from) return;
        order.status = status;
        if (reason !== undefined) order.failureReason = reason;
        for (const wake of wakers) wake();
      };
      const gatewayOf = new Map<string, string>();
      const left = new Set<string>();
      const couponOf = new Map<string, string>();
      const issue = (user: string) => {
        const has = couponOf.get(user);
        if (has !== undefined) return { status: 409, body: { code: "ISSUED-003", couponId: has } };
        if (couponOf.size >= misbehaviour.coupons) return { status: 400, body: { code: "ISSUED-010" } };
        const id = `coupon-${couponOf.size + 1}`;
        couponOf.set(user, id);
        return { status: 201, body: { id } };
      };
      const place = (key: string, how: string, couponId?: unknown): FakeOrder => {
        const known = byKey.get(key);
        if (known !== undefined) return known;
        const order: FakeOrder = { id: `order-${orders.size + 1}`, key, amount: price, couponId, status: "PENDING" };
        orders.set(order.id, order);
        byKey.set(key, order);
        setTimeout(() => {
          if (how === "soldOut") move(order, "PENDING", "FAILED", "SOLD_OUT");
          else move(order, "PENDING", "WAITING_PAYMENT");
          setTimeout(
            () => move(order, "WAITING_PAYMENT", "FAILED", "PAYMENT_EXPIRED"),
            misbehaviour.paymentWindowMillis,
          );
        }, misbehaviour.reserveMillis);
        return order;
      };
      const waitFor = async (order: FakeOrder, since: string) => {
        const until = AbortSignal.timeout(3_000);
        while (order.status === since && !until.aborted) {
          let wake = () => {};
          const woken = new Promise<void>((resolve) => (wake = resolve));
          wakers.add(wake);
          await Promise.race([woken, timers.setTimeout(3_000, undefined, { ref: false })]);
          wakers.delete(wake);
        }
      };
      const server = http.createServer((request, response) => {
        const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
          response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
        const handle = async () => {
          const url = new URL(request.url ?? "/", "http://shop");
          const route = `${request.method} ${url.pathname}`;
          const body = await read(request);
          addresses.add(String(request.headers["x-forwarded-for"]));
          const known = orders.get(url.pathname.split("/").at(-1) ?? "");
          if (route === "POST /v1/auths/login") {
            return answer(200, {
              userId: `id-${String(body["username"])}`,
              accessToken: `token-${String(body["username"])}`,
            });
          }
          if (route === "POST /__sim/payments") return answer(200, { paymentKey: `pay-${String(body["orderId"])}` });
          const [, user] = /^Bearer token-(.+)$/.exec(request.headers.authorization ?? "") ?? [];
          if (user === undefined) return answer(401, {});
          if (route === "POST /v1/coupons/drop/issue") {
            const { body: told, status } = issue(user);
            return answer(status, told);
          }
          const [, cancelled] = /^PATCH \/v1\/orders\/(.+)\/cancel$/.exec(route) ?? [];
          const unwanted = orders.get(cancelled ?? "");
          if (unwanted !== undefined) {
            move(unwanted, "COMPLETED", "CANCEL_REQUESTED");
            setTimeout(() => move(unwanted, "CANCEL_REQUESTED", "CANCELED"), misbehaviour.reserveMillis);
            return answer(202, unwanted);
          }
          if (/^GET \/v1\/products\/p\d$/.test(route)) return answer(200, {});
          if (route === "GET /v1/products") {
            const second = url.searchParams.get("cursor") === "2";
            const ids = second ? ["p3"] : ["p1", "p2"];
            const items = ids.map((id) => ({ id, name: id, price, status: "ON_SALE" }));
            return answer(200, { items, nextCursor: second ? null : "2" });
          }
          if (route === "POST /v1/orders") {
            const key = String(request.headers["idempotency-key"]);
            const first = !firsts.has(key);
            firsts.add(key);
            const how = first ? misbehaviour.post(firsts.size) : "place";
            if (how === "hang") return undefined;
            if (how === "unavailable") return answer(503, {}, { "retry-after": "0.05" });
            if (how === "overloaded") return answer(429, {}, { "retry-after": "1" });
            if (how === "broken") return answer(500, { title: "broken" });
            const order = place(key, how, body["couponId"]);
            if (how === "placeAndReset") return request.socket.resetAndDestroy();
            return answer(201, order, { location: `/v1/orders/${order.id}` });
          }
          if (known !== undefined && url.pathname.startsWith("/v1/orders/")) {
            await waitFor(known, url.searchParams.get("since") ?? "");
            return answer(200, { ...known, finalAmount: known.amount });
          }
          if (known !== undefined && url.pathname.startsWith("/v1/payments/")) {
            const provider = gatewayOf.get(known.id) ?? "TOSSPAYMENTS";
            return answer(200, { provider, vendorOrderId: `v-${known.id}`, amount: known.amount });
          }
          const paid = orders.get(String(body["orderId"]));
          const [, leaving] = /^POST \/v1\/payments\/(.+)\/reissue$/.exec(route) ?? [];
          if (leaving !== undefined) {
            // Not before it was asked for a second time.
            if (!left.has(leaving)) {
              left.add(leaving);
              return answer(503, { code: "PAYM-117" }, { "retry-after": "0.05" });
            }
            gatewayOf.set(leaving, "PORTONE");
            return answer(200, { provider: "PORTONE" });
          }
          if (route === "POST /v1/payments/confirm" && paid !== undefined) {
            const { firstGateway } = misbehaviour;
            if (body["provider"] === "TOSSPAYMENTS" && firstGateway !== 200) return answer(firstGateway, {});
            move(paid, "WAITING_PAYMENT", "COMPLETED");
            return answer(200, { status: "CAPTURED" });
          }
          return answer(404, {});
        };
        handle().catch((error: unknown) => answer(500, { title: String(error) }));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      return { url, server, orders, addresses, couponOf };
    }),
    ({ server }) =>
      Effect.promise(async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }),
  );
