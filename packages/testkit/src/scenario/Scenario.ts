/**
 * What a scenario file says: who arrives, when, what each shopper does, what breaks meanwhile and what must hold.
 *
 * Types only, and no import: a scenario file takes them with `import type`, so that it stays plain data and async
 * functions that any runner with promises can execute (the built-in load process here, k6 elsewhere).
 *
 * Limits: an arrival places at most one order; rates and durations are the plan's, never adapted to the answers.
 */

/** The numbers an operator may override on the command line. */
export interface ScenarioOptions {
  /** Arrivals per second at the peak, before `scale`. */
  readonly peakPerSecond: number;
  /** Length of the main part in seconds; warm-up stages come on top. */
  readonly durationSeconds: number;
  /** Multiplies every rate; 1 is the scenario as written. */
  readonly scale: number;
  /** How long shoppers may go on after the last arrival before what is left counts as open. */
  readonly drainSeconds: number;
  /** `poisson`: independent arrivals; `even`: equal gaps, for scenarios that need an exact count. */
  readonly arrivals: "poisson" | "even";
}

/** A stretch of time whose arrival rate goes linearly from `from` to `to` (arrivals per second, before `scale`). */
export interface Stage {
  readonly seconds: number;
  readonly from: number;
  readonly to: number;
  /** The arrivals are real and counted; latency thresholds with `outsideFaults` leave this stage out. */
  readonly warmUp?: boolean;
  /** Weights by journey that replace the scenario's own during this stage. */
  readonly mix?: Readonly<Record<string, number>>;
  /** A journey that every user of the run makes once during this stage, on top of the rates: what was announced to all. */
  readonly everybody?: string;
}

/** A fault that the runner of the scenario injects. */
export type Fault = RestartFault | GatewayFault;

interface Scheduled {
  /** When, as a fraction of the plan's whole length. */
  readonly at: number;
  /** Seconds after recovery that still belong to the fault's window: the backlog is worked off then. Default 0. */
  readonly settleSeconds?: number;
}

export interface RestartFault extends Scheduled {
  /** `kill`: SIGKILL to a service; `pg`: the database stopped at once. Both are restarted by the supervisor. */
  readonly kind: "kill" | "pg";
  /** The service to kill; for `pg` the word `postgres`. */
  readonly service: string;
}

export interface GatewayFault extends Scheduled {
  readonly kind: "gateway";
  /** The provider's name, as in `Shopper.simulators`. */
  readonly gateway: string;
  /** The simulator's fault plan, such as `[{ kind: "approveThenHang" }]`; the window of each rule is `seconds`. */
  readonly rules: ReadonlyArray<{ readonly kind: string } & Readonly<Record<string, unknown>>>;
  readonly seconds: number;
}

export interface Needs {
  /** Shoppers' accounts that must be seeded. */
  readonly users: number;
  /** Products on sale. */
  readonly products: number;
  /** Units of each product. */
  readonly stockPerProduct: number;
  /** The first so many products by popularity get another stock: the flash-sale articles. */
  readonly hot?: { readonly products: number; readonly stock: number };
}

export interface Timings {
  /** How long an order may wait for its payment. */
  readonly paymentWindowSeconds: number;
  /** Lifetime of a stock hold: a backstop, longer than the payment window. */
  readonly holdSeconds: number;
  /** How long a payment whose outcome is unknown keeps its order at its gateway. Absent: as long as the shop says. */
  readonly settleSeconds?: number;
  /** Bound of one call to a gateway. Absent: that of the gateway's adapter. */
  readonly gatewayTimeoutSeconds?: number;
}

type Bound = { readonly max: number } | { readonly min: number };

/** How many orders came to what: see `Orders` in Summary.ts. */
export type OrderCount =
  | "offered"
  | "placed"
  | "refused"
  | "payable"
  | "completed"
  | "soldOut"
  | "unpaid"
  | "cancelled"
  | "failed"
  | "open";

export type CouponCount = "offered" | "issued" | "soldOut" | "duplicate" | "refused";

export type PaymentCount = "refunded" | "reissued" | "unknownResolved" | "voidedLate";

/** A limit on one figure of the run. */
export type Threshold =
  | ({ readonly metric: "dropped" | "open" | "unexpectedStatuses" | "recoverySeconds" } & Bound)
  | ({
      readonly metric: "orders";
      readonly count: OrderCount;
    } & Bound)
  | ({
      readonly metric: "coupons";
      readonly count: CouponCount;
    } & Bound)
  /** What the shop's own books say of payments that did not go the straight way. */
  | ({ readonly metric: "payments"; readonly count: PaymentCount } & Bound)
  | ({ readonly metric: "http"; readonly route: string } & Percentile & Bound)
  | ({ readonly metric: "payable" } & Percentile & Bound);

interface Percentile {
  readonly percentile: 50 | 95 | 99;
  /** Leaves out samples that overlap a fault's window or started in a warm-up stage. */
  readonly outsideFaults?: boolean;
}

export interface WeightedJourney {
  readonly weight: number;
  /**
   * What one arrival of this journey sets out to get. `order` arrivals are counted in `orders.offered`, also those that were
   * dropped; a `coupon` arrival is counted there from the moment at which it orders, because it may go away without a coupon.
   */
  readonly places: "order" | "coupon" | "nothing";
  readonly run: Journey;
}

export interface Scenario {
  readonly name: string;
  /** One sentence for the operator. */
  readonly describe: string;
  readonly defaults: ScenarioOptions;
  readonly timings: Timings;
  readonly needs: Needs;
  /** How unequal the demand is: 0 is uniform, 1 is Zipf's law. */
  readonly zipfExponent: number;
  readonly phases: (options: ScenarioOptions) => ReadonlyArray<Stage>;
  readonly journeys: Readonly<Record<string, WeightedJourney>>;
  /** Runs after every journey that placed an order, also after one that threw, to follow the order to its end. */
  readonly settle: Journey;
  readonly faults: ReadonlyArray<Fault>;
  readonly thresholds: ReadonlyArray<Threshold>;
  /**
   * Invariants by id that the audit of the run must have examined. Some are left out of a result when there was nothing of
   * their kind; where a scenario provokes it, that is a failure.
   */
  readonly proves?: ReadonlyArray<`I${number}`>;
}

/** One shopper from arrival to the end. Ends by returning; whatever it throws is a failure of the journey. */
export type Journey = (shopper: Shopper) => Promise<void>;

export interface Shopper {
  /** Number of the arrival in the plan. */
  readonly index: number;
  readonly user: { readonly id: string; readonly username: string };
  readonly http: Http;
  /** Uniform in [0, 1), from this shopper's own seed. */
  readonly random: () => number;
  readonly products: Products;
  /** Waits; rejects when the run is stopped, so a loop with a pause in it ends by itself. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** A key that is the same for each call with the same purpose and unique among all shoppers of all runs. */
  readonly idempotencyKey: (purpose: string) => string;
  readonly ledger: ShopperLedger;
  /** A remark for the reader of the ledger. */
  readonly note: (what: string) => void;
  /** Where a provider's browser step is simulated, by provider name. */
  readonly simulators: Readonly<Record<string, string>>;
  /** The coupon template that the shop was seeded with; undefined: none. */
  readonly couponTemplateId: string | undefined;
  readonly timings: Timings;
}

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: number;
}

export interface Products {
  /** In order of popularity. */
  readonly all: ReadonlyArray<Product>;
  /** One product, the popular ones more often (Zipf), drawn with the shopper's own randomness. */
  readonly pick: () => Product;
}

export interface Http {
  /** Never rejects for what the network or the server does: see `HttpAnswer.status`. Rejects when the run is stopped. */
  readonly request: (request: HttpRequest) => Promise<HttpAnswer>;
}

export interface HttpRequest {
  /** The name under which figures are kept, e.g. `POST /v1/orders`. */
  readonly route: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A path of the shop, or an absolute URL for another server (no access token is sent there). */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The statuses that are right at this point. Anything else is an error of the run. */
  readonly allowed: ReadonlyArray<number>;
  /** Statuses that are right only while a declared fault's window is open; outside they are errors of the run. */
  readonly weather?: ReadonlyArray<number>;
  readonly timeoutMillis?: number;
}

export interface HttpAnswer {
  /** 0: no answer (connection refused or reset, or the time-out; `error` says which). The outcome is then unknown. */
  readonly status: number;
  /** The JSON object of the answer, or an empty one. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly error?: string;
  /** Epoch milliseconds, by the shopper's clock. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What the shopper writes down of its one order and of the coupons it asked for. The times are those of the calls or of the answers given. */
export interface ShopperLedger {
  /** Before the first attempt to send the order. A second call is an error: one order an arrival. */
  readonly asked: (order: {
    readonly idempotencyKey: string;
    readonly items: ReadonlyArray<{ readonly productId: string; readonly quantity: number }>;
    readonly couponId?: string;
  }) => void;
  /** A 201 to `POST /v1/orders`. */
  readonly got: (answer: HttpAnswer) => void;
  /** The last answer of an order that was not placed. */
  readonly refused: (answer: HttpAnswer) => void;
  /** A 200 to `GET /v1/orders/{id}`. */
  readonly seen: (answer: HttpAnswer) => void;
  /** The buyer authorised a payment at a gateway. */
  readonly paid: (payment: {
    readonly provider: string;
    readonly vendorOrderId: string;
    readonly paymentKey: string;
    readonly amount: number;
  }) => void;
  /** Any answer to `POST /v1/payments/confirm`. */
  readonly confirmed: (answer: HttpAnswer) => void;
  /** A 202 to `PATCH /v1/orders/{id}/cancel`: from now on COMPLETED is no end. */
  readonly cancelAsked: (answer: HttpAnswer) => void;
  /** Before the first attempt to ask for a coupon; each ask has a key of its own. */
  readonly couponAsked: (ask: { readonly templateId: string; readonly idempotencyKey: string }) => void;
  /** The last answer to the ask with this key. */
  readonly couponAnswered: (idempotencyKey: string, answer: HttpAnswer) => void;
  /** What is known of the order so far. */
  readonly order: () => OrderView | undefined;
}

export interface OrderView {
  readonly idempotencyKey: string;
  /** Undefined until a 201 was read. */
  readonly orderId: string | undefined;
  readonly status: string | undefined;
  readonly reason: string | undefined;
  readonly finalAmount: number | undefined;
  /** No further change is expected. */
  readonly terminal: boolean;
}
