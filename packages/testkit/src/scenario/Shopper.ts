/** One arrival's `Shopper`: the small interface of a journey over the run's client, figures and ledger. */
import * as Draw from "./Draw.ts";
import { clock, Stopped } from "./HttpClient.ts";
import type { HttpClient } from "./HttpClient.ts";
import type { Writer } from "./Ledger.ts";
import { type Entry, maxTextLength } from "./LedgerEntry.ts";
import type { Metrics } from "./Metrics.ts";
import type { Arrival } from "./Plan.ts";
import type { HttpAnswer, HttpRequest, OrderView, Product, Shopper, ShopperLedger, Timings } from "./Scenario.ts";
import * as Tally from "./Tally.ts";

export interface Account {
  readonly id: string;
  readonly username: string;
  readonly token: string;
}

/** What all shoppers of a run share. */
export interface World {
  readonly run: string;
  readonly client: HttpClient;
  readonly metrics: Metrics;
  readonly ledger: Writer;
  readonly products: ReadonlyArray<Product>;
  readonly popularity: (draw: Draw.Draw) => number;
  readonly simulators: Readonly<Record<string, string>>;
  readonly couponTemplateId: string | undefined;
  readonly timings: Timings;
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** 10.0.0.0/9 for arrivals; log-ins use the other half of the network. */
export const addressOf = (index: number, half: 0 | 128): string =>
  `10.${half + ((index >>> 16) & 127)}.${(index >>> 8) & 255}.${index & 255}`;

const isShopPath = (path: string) => path.startsWith("/");

/** One request with its figures; also used outside journeys (log-in, catalogue). */
export const request = async (
  world: Pick<World, "client" | "metrics">,
  shopper: number,
  headers: Readonly<Record<string, string>>,
  wanted: HttpRequest,
): Promise<HttpAnswer> => {
  const answer = await world.client.send(wanted, headers);
  const allowed = wanted.allowed.includes(answer.status);
  const verdict = allowed ? "allowed" : wanted.weather?.includes(answer.status) === true ? "weather" : "unexpected";
  world.metrics.answered({
    route: wanted.route,
    status: answer.status,
    verdict,
    startedAt: answer.startedAt,
    endedAt: answer.endedAt,
    shopper,
    detail: allowed ? "" : (answer.error ?? JSON.stringify(answer.body)).slice(0, maxTextLength),
  });
  return answer;
};

const text = (answer: HttpAnswer, field: string): string | undefined => {
  const value = answer.body[field];
  return typeof value === "string" ? value : undefined;
};

const needed = (answer: HttpAnswer, field: string): string => {
  const value = text(answer, field);
  if (value === undefined) throw new Error(`an answer with status ${answer.status} has no ${field}`);
  return value;
};

const ledgerOf = (world: World, arrival: Arrival, account: Account, mayOrder: boolean): ShopperLedger => {
  const shopper = arrival.index;
  const append = (entry: Entry) => world.ledger.append(entry);
  /** An entry that may tell for the first time that the order is payable. */
  const reading = (answer: HttpAnswer, entry: Entry) => {
    const payable = () =>
      world.ledger.orders.get(shopper)?.states.some(({ status }) => status === "WAITING_PAYMENT") === true;
    const before = payable();
    append(entry);
    const order = world.ledger.orders.get(shopper);
    if (!before && order !== undefined && payable()) world.metrics.payable(order.askedAt, answer.endedAt);
  };
  return {
    asked: (order) => {
      if (!mayOrder) throw new Error("this journey does not place orders: its scenario says so");
      append({ type: "asked", shopper, at: clock(), userId: account.id, ...order });
    },
    got: (answer) =>
      reading(answer, {
        type: "got",
        shopper,
        from: answer.startedAt,
        at: answer.endedAt,
        orderId: needed(answer, "id"),
        status: needed(answer, "status"),
      }),
    refused: (answer) => append({ type: "refused", shopper, at: answer.endedAt, status: answer.status }),
    seen: (answer) => {
      const status = needed(answer, "status");
      const reason = text(answer, "failureReason");
      const finalAmount = answer.body["finalAmount"];
      reading(answer, {
        type: "seen",
        shopper,
        from: answer.startedAt,
        at: answer.endedAt,
        status,
        ...(reason === undefined ? {} : { reason }),
        ...(Number.isSafeInteger(finalAmount) ? { finalAmount: finalAmount as number } : {}),
      });
    },
    paid: (payment) => append({ type: "paid", shopper, at: clock(), ...payment }),
    confirmed: (answer) => {
      const status = text(answer, "status");
      append({
        type: "confirmed",
        shopper,
        from: answer.startedAt,
        at: answer.endedAt,
        httpStatus: answer.status,
        ...(status === undefined ? {} : { status }),
      });
    },
    cancelAsked: (answer) => append({ type: "cancelAsked", shopper, at: answer.endedAt }),
    couponAsked: (ask) => append({ type: "couponAsked", shopper, at: clock(), userId: account.id, ...ask }),
    couponAnswered: (idempotencyKey, answer) => {
      const code = text(answer, "code");
      const couponId = answer.status === 201 ? needed(answer, "id") : text(answer, "couponId");
      append({
        type: "couponAnswered",
        shopper,
        from: answer.startedAt,
        at: answer.endedAt,
        idempotencyKey,
        httpStatus: answer.status,
        ...(code === undefined ? {} : { code }),
        ...(couponId === undefined ? {} : { couponId }),
      });
    },
    order: (): OrderView | undefined => {
      const order = world.ledger.orders.get(shopper);
      if (order === undefined) return undefined;
      const last = order.states.at(-1);
      return {
        idempotencyKey: order.idempotencyKey,
        orderId: order.orderId,
        status: last?.status,
        reason: last?.reason,
        finalAmount: order.finalAmount,
        terminal: order.orderId !== undefined && Tally.outcome(order) !== "open",
      };
    },
  };
};

export const make = (world: World, arrival: Arrival, account: Account, mayOrder: boolean): Shopper => {
  const draw = Draw.fromSeed(arrival.seed);
  const address = { "x-forwarded-for": addressOf(arrival.index, 0) };
  const known = { ...address, authorization: `Bearer ${account.token}` };
  return {
    index: arrival.index,
    user: { id: account.id, username: account.username },
    http: {
      request: (wanted) => request(world, arrival.index, isShopPath(wanted.path) ? known : address, wanted),
    },
    random: draw,
    products: {
      all: world.products,
      pick: () => {
        const product = world.products[world.popularity(draw)];
        if (product === undefined) throw new Error("the shop has no products");
        return product;
      },
    },
    pause: world.pause,
    idempotencyKey: (purpose) => `${world.run}-${arrival.index}-${purpose}`,
    ledger: ledgerOf(world, arrival, account, mayOrder),
    note: (what) =>
      world.ledger.append({ type: "note", shopper: arrival.index, at: clock(), what: what.slice(0, maxTextLength) }),
    simulators: world.simulators,
    couponTemplateId: world.couponTemplateId,
    timings: world.timings,
  };
};

/** A pause that a stop cuts short by rejecting. */
export const pauses = () => {
  const waiting = new Map<NodeJS.Timeout, (reason: Stopped) => void>();
  let stopped = false;
  return {
    pause: (milliseconds: number) =>
      new Promise<void>((resolve, reject) => {
        if (stopped) return reject(new Stopped("the run was stopped"));
        const timer = setTimeout(() => {
          waiting.delete(timer);
          resolve();
        }, milliseconds);
        waiting.set(timer, reject);
      }),
    stop: () => {
      stopped = true;
      for (const [timer, reject] of waiting) {
        clearTimeout(timer);
        reject(new Stopped("the run was stopped"));
      }
      waiting.clear();
    },
  };
};
