/** Rules of the house, each with the edit that removes it and the tests that must notice. */

export interface Mutation {
  readonly rule: string;
  readonly file: string;
  /** Occurs exactly once in the file; `replace` takes its place. */
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly [project: "sdk" | "services", ...paths: ReadonlyArray<string>];
}

const sdk = "packages/sdk/src";
const test = "packages/sdk/test";
const services = "packages/services/src";
const servicesTest = "packages/services/test";

export const mutations: ReadonlyArray<Mutation> = [
  {
    rule: "an input is remembered in the inbox",
    file: `${sdk}/machine/Decide.ts`,
    find: "...(rows.length === 0 ? [] : parts.inputs.record(parts.consumer, rows)),",
    replace: "",
    tests: ["sdk", `${test}/machine`],
  },
  {
    rule: "the same id with another fingerprint is refused",
    file: `${sdk}/machine/Decide.ts`,
    find: 'return reused ? { _tag: "Reused" } : { _tag: "Repeated", outcome: known.outcome };',
    replace: 'return { _tag: "Repeated", outcome: known.outcome };',
    tests: ["sdk", `${test}/machine`],
  },
  {
    rule: "every key that a decision read is compared, changed or not",
    file: `${sdk}/machine/Ways.ts`,
    find: "filter((key) => states.has(key) || !decision.states.has(key)).sort();",
    replace: "filter((key) => states.has(key) && decision.states.get(key) !== states.get(key)).sort();",
    tests: ["sdk", `${test}/machine`],
  },
  {
    rule: "states are locked in the order of their keys",
    file: `${sdk}/machine/Ways.ts`,
    find: ".filter((key) => !loaded.has(key)).sort();",
    replace: ".filter((key) => !loaded.has(key)).sort().reverse();",
    tests: ["sdk", `${test}/machine`, `${test}/reservation`],
  },
  {
    rule: "the relay publishes in the order of positions",
    file: `${sdk}/outbox/Outbox.ts`,
    find: "ORDER BY position LIMIT",
    replace: "ORDER BY position DESC LIMIT",
    tests: ["sdk", `${test}/outbox`],
  },
  {
    rule: "where positions leave a gap the relay reads the table",
    file: `${sdk}/outbox/OutboxRelay.ts`,
    find: "return rows.every((row) => row.position > edge) && follow(rows) ? rows : undefined;",
    replace: "return rows;",
    tests: ["sdk", `${test}/outbox`],
  },
  {
    rule: "a consumer takes a told record only where its position stands",
    file: `${sdk}/bus/postgres/Subscription.ts`,
    find: "if (notice.offset > position || batch.length >= maxBatchRecords) return undefined;",
    replace: "",
    tests: ["sdk", `${test}/bus`],
  },
  {
    rule: "a position moves only after the batch was handled",
    file: `${sdk}/bus/postgres/Subscription.ts`,
    find: "    const current = batch;\n",
    replace: "    const current = batch;\n    advance(current);\n",
    tests: ["sdk", `${test}/bus`],
  },
  {
    rule: "a hold takes no more than is free",
    file: `${sdk}/reservation/ReservationMachine.ts`,
    find: 'if (free(stock) < quantity) return { _tag: "SoldOut", sku, wanted: quantity, available: free(stock) };',
    replace: "",
    tests: ["sdk", `${test}/reservation`],
  },
  {
    rule: "an overdue hold expires",
    file: `${sdk}/reservation/ReservationMachine.ts`,
    find: 'return known?.status === "held" && known.until <= at',
    replace: 'return known?.status === "held" && known.until < 0',
    tests: ["sdk", `${test}/reservation`],
  },
  {
    rule: "an undo that comes first leaves a tombstone",
    file: `${sdk}/reservation/ReservationMachine.ts`,
    find: "return accept([[orderKey(orderId), tombstone]], [released]);",
    replace: "return keep(tombstone.lines.length === 0 ? released : released);",
    tests: ["sdk", `${test}/reservation`],
  },
  {
    rule: "a quota gives no more than its limit",
    file: `${sdk}/quota/QuotaMachine.ts`,
    find: "if (limit !== null && live >= limit)",
    replace: "if (limit !== null && live > limit)",
    tests: ["sdk", `${test}/quota`],
  },
  {
    rule: "one live attempt an order",
    file: `${sdk}/payment/PaymentConfirm.ts`,
    find: 'if (live !== undefined) return reject({ _tag: "AlreadyConfirming" });',
    replace: "",
    tests: ["sdk", `${test}/payment/machine.test.ts`],
  },
  {
    rule: "the amount is compared before a capture",
    file: `${sdk}/payment/PaymentConfirm.ts`,
    find: 'if (known.amount !== input.amount) return reject({ _tag: "AmountMismatch" });',
    replace: "",
    tests: ["sdk", `${test}/payment/machine.test.ts`],
  },
  {
    rule: "an unknown outcome keeps an order at its gateway until it is settled",
    file: `${sdk}/payment/PaymentReissue.ts`,
    find: "live.inquiredAt === null || at - live.startedAt < input.settleMillis",
    replace: "live.inquiredAt === null",
    tests: ["sdk", `${test}/payment/reissue.test.ts`],
  },
  {
    rule: "what was given up is asked about until its gateway can approve it no more",
    file: `${sdk}/payment/PaymentReissue.ts`,
    find: "at >= (attempt.guardUntil ?? 0) ? null : input.nextActionAt",
    replace: "null",
    tests: ["sdk", `${test}/payment/reissue.test.ts`],
  },
  {
    rule: "no answer of a gateway is not a refusal",
    file: `${sdk}/payment/gateways/Calls.ts`,
    find: "orElse: () => Effect.succeed<Answer<Body>>(unknown(`no answer in ${timeoutMillis} ms`)),",
    replace: 'orElse: () => Effect.succeed<Answer<Body>>(notSent("connect")),',
    tests: ["sdk", `${test}/payment/toss.test.ts`],
  },
  {
    rule: "an event that comes early is kept",
    file: `${sdk}/saga/SagaMachine.ts`,
    find: 'return when === undefined ? "ForeignEvent" : when === "now" ? "Event" : "EarlyEvent";',
    replace: 'return when === "now" ? "Event" : "ForeignEvent";',
    tests: ["sdk", `${test}/saga`],
  },
  {
    rule: "a day of the inbox stays while an input in it was applied lately",
    file: `${sdk}/outbox/Retention.ts`,
    find: "if (late.length === 0) return yield*",
    replace: "return yield*",
    tests: ["sdk", `${test}/outbox/retention.test.ts`],
  },
  {
    rule: "a record waits for a group that has not finished it",
    file: `${sdk}/bus/postgres/BusRetention.ts`,
    find: 'm."offset" < coalesce(f.position, p.next_offset)',
    replace: "true",
    tests: ["sdk", `${test}/bus/postgres.test.ts`],
  },
  {
    rule: "what a message leads to hangs on its processing",
    file: `${sdk}/bus/TracedBus.ts`,
    find: "records.push({ ...record, envelope: under(span, record.envelope) });",
    replace: "records.push(record);",
    tests: ["sdk", `${test}/bus/traced.test.ts`],
  },
  {
    rule: "a refresh token is good once, and a second time ends its session",
    file: `${services}/user/Sessions.ts`,
    find: " AND token_no = ${no} RETURNING id`",
    replace: " RETURNING id`",
    tests: ["services", `${servicesTest}/user/sessions.test.ts`],
  },
  {
    rule: "a parcel that was sent is not cancelled",
    file: `${services}/order/Wishes.ts`,
    find: 'if (order.delivery === "PREPARING") return become(requested);',
    replace: "return become(requested);",
    tests: ["services", `${servicesTest}/order/domain.test.ts`, `${servicesTest}/order/delivery.test.ts`],
  },
  {
    rule: "a refused request is told all that is wrong with it",
    file: `${services}/shared/Foundation.ts`,
    find: ".pipe(Layer.provide(AllFaults.layer(contract)))",
    replace: "",
    tests: ["services", `${servicesTest}/shared/input.test.ts`],
  },
  {
    rule: "nobody gets another address by a header",
    file: `${services}/gateway/Callers.ts`,
    find: "hops.findLast((hop)",
    replace: "hops.find((hop)",
    tests: ["services", `${servicesTest}/gateway/callers.test.ts`],
  },
];
