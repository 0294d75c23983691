import { assert, describe, layer } from "@effect/vitest";
import {
  Bootpay,
  GatewayHealth,
  GatewayRouting,
  PaymentAudit,
  PaymentGateway,
  PortOne,
  Toss,
} from "@destiny/sdk/payment";
import type { Captures } from "@destiny/testkit/simulators";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import { inject } from "vitest";
import { bootpay, portOne, toss } from "./Subjects.ts";
import * as Till from "./Till.ts";

const subjects = { [Toss.provider]: toss, [PortOne.provider]: portOne, [Bootpay.provider]: bootpay("Keys") };
type Provider = keyof typeof subjects;

type Needs = Effect.Services<ReturnType<(typeof subjects)[Provider]["adapter"]>>;
const gateways = Layer.unwrap(
  Effect.map(GatewayHealth.GatewayHealth, ({ guard }) =>
    PaymentGateway.PaymentGateways.layer<never, Needs>([
      Effect.map(toss.adapter(), guard),
      Effect.map(portOne.adapter(), guard),
      Effect.map(subjects.bootpay.adapter(), guard),
    ]),
  ),
);
const world = gateways.pipe(
  // Breakers that soon ask again: a test does not wait for more than it is about.
  Layer.provideMerge(GatewayHealth.GatewayHealth.layer({ openMillis: 100, maxOpenMillis: 200, probeEveryMillis: 50 })),
  Layer.provideMerge(Layer.mergeAll(toss.layer, portOne.layer, subjects.bootpay.layer)),
  Layer.provideMerge(Till.layer),
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
);

let serial = 0;

/** The next one is always PortOne, then Bootpay. */
const candidates = [
  { provider: Toss.provider, weight: 1_000_000 },
  { provider: PortOne.provider, weight: 1000 },
  { provider: Bootpay.provider, weight: 0.001 },
];

const simulators = Effect.all({
  toss: toss.simulator,
  portone: portOne.simulator,
  bootpay: subjects.bootpay.simulator,
});

const opened = Effect.gen(function* () {
  const vendors = yield* simulators;
  for (const { faults } of Object.values(vendors)) faults.clear();
  const till = yield* Till.makeWith(yield* GatewayRouting.make(candidates));
  const reference = `order-${String(++serial).padStart(6, "0")}`;
  yield* till.open(reference);
  const faults = (provider: Provider, ...rules: ReadonlyArray<object>) =>
    Effect.sync(() => void vendors[provider].faults.put({ rules }));
  const statuses = Effect.map(till.find(reference), (intent) => intent?.attempts.map(({ status }) => status));
  return {
    till,
    reference,
    faults,
    statuses,
    provider: Effect.map(till.find(reference), (intent) => intent?.provider),
    pay: Effect.fnUntraced(function* (provider: Provider) {
      const paymentKey = yield* subjects[provider].authorise(reference, Till.amount);
      return yield* till.click(reference, paymentKey, undefined, provider);
    }),
    leave: (provider: Provider) =>
      Effect.map(
        Effect.result(till.reissue({ reference, owner: Till.owner, from: provider })),
        Result.match({ onSuccess: (intent) => intent.provider, onFailure: ({ _tag }) => _tag }),
      ),
    /** Sweeps until the attempts stand as expected. */
    sweptTo: (...expected: ReadonlyArray<string>) =>
      till.sweep.pipe(
        Effect.andThen(statuses),
        Effect.filterOrFail((now) => now?.join() === expected.join()),
        Effect.retry(Schedule.spaced("25 millis").pipe(Schedule.upTo({ duration: "12 seconds" }))),
        Effect.orElseSucceed(() => undefined),
        Effect.andThen(statuses),
      ),
    moved: (provider: Provider) =>
      vendors[provider]
        .captures()
        .flatMap(({ amount, kind, orderId }: Captures.Capture) => (orderId === reference ? [`${kind} ${amount}`] : [])),
  };
});

const hanging = [
  { kind: "approveThenHang", operations: ["confirm"], count: 1 },
  { kind: "hang", operations: ["inquire"] },
];

layer(world, { excludeTestServices: true, timeout: "60 seconds" })("Failover", (it) => {
  describe("a gateway that approves and hangs, inquiry included", () => {
    it.effect(
      "keeps the order for its settle window; then the buyer pays at the next, and the first approval is voided",
      () =>
        Effect.gen(function* () {
          const { faults, leave, moved, pay, reference, statuses, sweptTo, till } = yield* opened;
          yield* faults("toss", ...hanging);
          assert.strictEqual(yield* pay("toss"), "unknown");
          assert.strictEqual(yield* leave("toss"), "NotSettled");
          assert.deepStrictEqual(yield* statuses, ["unknown"]);
          const left = leave("toss").pipe(
            Effect.filterOrFail((answer) => answer !== "NotSettled"),
            Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))),
          );
          assert.strictEqual(yield* left, "portone");
          assert.strictEqual(yield* pay("portone"), "captured");
          assert.deepStrictEqual(yield* statuses, ["abandoned", "captured"]);
          assert.deepStrictEqual(moved("toss"), [`captured ${Till.amount}`], "nobody knows it yet");
          yield* faults("toss");
          assert.deepStrictEqual(yield* sweptTo("voided", "captured"), ["voided", "captured"]);
          assert.deepStrictEqual(moved("toss"), [`captured ${Till.amount}`, `canceled ${Till.amount}`]);
          assert.deepStrictEqual(moved("portone"), [`captured ${Till.amount}`]);
          assert.strictEqual(yield* till.status(reference), "captured");
          assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled"]);
        }),
    );

    it.effect("and speaks again in time: its approval is taken, and the buyer stays", () =>
      Effect.gen(function* () {
        const { faults, leave, moved, pay, statuses } = yield* opened;
        yield* faults("toss", ...hanging);
        assert.strictEqual(yield* pay("toss"), "unknown");
        yield* faults("toss");
        yield* leave("toss").pipe(
          Effect.filterOrFail((answer) => answer === "AlreadyPaid"),
          Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))),
        );
        assert.deepStrictEqual(yield* statuses, ["captured"]);
        assert.deepStrictEqual(moved("toss"), [`captured ${Till.amount}`]);
      }),
    );

    it.effect("also a void whose answer is lost is repeated, and gives back once", () =>
      Effect.gen(function* () {
        const { faults, leave, moved, pay, sweptTo } = yield* opened;
        yield* faults("toss", ...hanging);
        yield* pay("toss");
        yield* leave("toss").pipe(
          Effect.filterOrFail((answer) => answer === "portone"),
          Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))),
        );
        yield* faults("toss", { kind: "approveThenReset", operations: ["cancel"], count: 1 });
        assert.deepStrictEqual(yield* sweptTo("voided"), ["voided"]);
        assert.deepStrictEqual(moved("toss"), [`captured ${Till.amount}`, `canceled ${Till.amount}`]);
      }),
    );
  });

  it.effect("a confirm that was turned away unread sends the buyer on at once, as often as there are gateways", () =>
    Effect.gen(function* () {
      const { faults, moved, pay, provider, statuses } = yield* opened;
      const away = { kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["confirm"] };
      yield* faults("toss", away);
      yield* faults("portone", away);
      assert.strictEqual(yield* pay("toss"), "not_sent");
      assert.strictEqual(yield* provider, "portone");
      assert.strictEqual(yield* pay("portone"), "not_sent");
      assert.strictEqual(yield* provider, "bootpay");
      yield* faults("bootpay", away);
      assert.strictEqual(yield* pay("bootpay"), "not_sent");
      assert.strictEqual(yield* provider, "bootpay", "there is no other");
      yield* faults("bootpay");
      assert.strictEqual(yield* pay("bootpay"), "captured");
      assert.deepStrictEqual(yield* statuses, ["not_sent", "not_sent", "not_sent", "captured"]);
      assert.deepStrictEqual([moved("toss"), moved("portone")], [[], []]);
    }),
  );

  it.effect("a refused card keeps the buyer where the gateway is well", () =>
    Effect.gen(function* () {
      const { faults, leave, pay, provider } = yield* opened;
      yield* faults("toss", { kind: "error", code: "REJECT_CARD_PAYMENT", operations: ["confirm"], count: 1 });
      assert.strictEqual(yield* pay("toss"), "declined");
      assert.strictEqual(yield* leave("toss"), "GatewayUsable");
      assert.strictEqual(yield* provider, "toss");
    }),
  );

  it.effect("the audit finds every late approval voided in time", () =>
    Effect.gen(function* () {
      const findings = yield* PaymentAudit.audit;
      for (const { id, violations } of findings) assert.deepStrictEqual({ id, violations }, { id, violations: [] });
    }),
  );
});
