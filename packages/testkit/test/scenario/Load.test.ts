import { Ledger, Load, LoadProcess, Samples, Summary, Tally, Thresholds } from "@destiny/testkit/scenario";
import type { Journey, Scenario } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as FakeShop from "./FakeShop.ts";
import { folder, jobOf, scenarioFile, sumsHold } from "./LoadJob.ts";

/** What goes wrong in the rehearsal below, by number of the order. */
const troubles = (number: number) => {
  if (number === 7) return "hang";
  if (number === 11) return "placeAndReset";
  if (number % 10 === 0) return "unavailable";
  if (number === 23) return "overloaded";
  if (number % 9 === 0) return "soldOut";
  return "place";
};

const inProcess = (journey: Journey, settle: Journey = () => Promise.resolve()): Scenario => ({
  name: "in-process",
  describe: "",
  defaults: { peakPerSecond: 100, durationSeconds: 1, scale: 1, drainSeconds: 5, arrivals: "even" },
  timings: { paymentWindowSeconds: 1, holdSeconds: 2 },
  needs: { users: 1, products: 1, stockPerProduct: 1 },
  zipfExponent: 1,
  phases: ({ peakPerSecond, durationSeconds }) => [
    { seconds: durationSeconds, from: peakPerSecond, to: peakPerSecond },
  ],
  journeys: { only: { weight: 1, places: "order", run: journey } },
  settle,
  faults: [],
  thresholds: [],
});

const ask: Journey = async (shopper) => {
  const idempotencyKey = shopper.idempotencyKey("order");
  const items = [{ productId: shopper.products.pick().id, quantity: 1 }];
  shopper.ledger.asked({ idempotencyKey, items });
  const answer = await shopper.http.request({
    route: "POST /v1/orders",
    method: "POST",
    path: "/v1/orders",
    headers: { "idempotency-key": idempotencyKey },
    body: { items },
    allowed: [201],
  });
  if (answer.status === 201) shopper.ledger.got(answer);
  else shopper.ledger.refused(answer);
};

describe("load", () => {
  it.live("a rehearsal with 503s, a hang and a reset adds up, in the figures and in the ledger", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make({ ...FakeShop.wellBehaved, paymentWindowMillis: 2_000, post: troubles });
        const into = yield* folder;
        const lines: Array<Summary.Progress> = [];
        const job = jobOf(into, shop.url, {
          options: { peakPerSecond: 50, durationSeconds: 2, drainSeconds: 20 },
          limits: { ...Summary.defaultLimits, requestTimeoutMillis: 500 },
        });
        const summary = yield* LoadProcess.run({ job, onProgress: (line) => lines.push(line) });
        const { orders } = summary;

        sumsHold(summary, summary.dropped);
        assert.isFalse(summary.interrupted);
        assert.deepInclude(orders, { open: 0, failed: 0, refused: 1, unanswered: 0 });
        assert.isAbove(orders.offered, 60);
        assert.strictEqual(orders.placed, shop.orders.size);
        const inShop = (status: string, reason?: string) =>
          Array.from(shop.orders.values()).filter((one) => one.status === status && one.failureReason === reason)
            .length;
        assert.strictEqual(orders.completed, inShop("COMPLETED"));
        assert.strictEqual(orders.soldOut, inShop("FAILED", "SOLD_OUT"));
        assert.strictEqual(orders.unpaid, inShop("FAILED", "PAYMENT_EXPIRED"));
        assert.isAbove(Math.min(orders.completed, orders.soldOut, orders.unpaid), 0);
        assert.strictEqual(orders.payable, orders.placed - orders.soldOut);
        assert.strictEqual(summary.saga.count, orders.payable);
        assert.isAtLeast(summary.saga.p50Ms, FakeShop.wellBehaved.reserveMillis - 1);
        assert.isNotNull(summary.drainedMs);
        assert.deepStrictEqual(summary.journeyFailures, { count: 0, examples: [] });

        const posts = summary.http["POST /v1/orders"];
        assert.isDefined(posts);
        assert.strictEqual(posts.unexpected, 0);
        assert.isTrue(posts.p50Ms > 0 && posts.p50Ms <= posts.p95Ms && posts.p95Ms <= posts.p99Ms);
        assert.isAtLeast(
          summary.weather.filter(({ status }) => status === 503).length,
          Math.floor(orders.offered / 10),
        );
        // The hang until its time-out, and the reset.
        assert.strictEqual(summary.weather.filter(({ status }) => status === 0).length, 2);
        assert.strictEqual(posts.count, orders.offered - summary.dropped + summary.weather.length);
        // One address a shopper and one a log-in (the catalogue is read from the first one's).
        assert.isAtLeast(shop.addresses.size, orders.offered - summary.dropped);

        const samples = yield* Samples.read(path.join(into, Summary.files.samples));
        assert.strictEqual(samples.series["POST /v1/orders"]?.count, posts.count);
        const steady = (recoveredAt: number) => [
          { kind: "kill" as const, injectedAt: summary.startedAt, recoveredAt, settleSeconds: 0 },
        ];
        const errors = (faults: ReadonlyArray<Thresholds.Injected>) =>
          Thresholds.http({ summary, faults })["POST /v1/orders"]?.errors;
        assert.strictEqual(errors(steady(summary.endedAt)), 0);
        assert.strictEqual(errors([]), summary.weather.length);

        const ledger = yield* Ledger.read(path.join(into, Summary.files.ledger));
        assert.isTrue(ledger.complete);
        assert.deepInclude(ledger, { run: "run-1", scenario: "steady", seed: 42 });
        assert.strictEqual(ledger.orders.length, orders.offered - summary.dropped);
        for (const order of ledger.orders) {
          assert.deepStrictEqual(order.otherOrderIds, []);
          const there = order.orderId === undefined ? undefined : shop.orders.get(order.orderId);
          assert.strictEqual(order.orderId === undefined, order.refusedWith === 429);
          if (there === undefined) continue;
          const last = order.states.at(-1);
          assert.strictEqual(there.key, order.idempotencyKey);
          assert.strictEqual(there.status, last?.status);
          assert.strictEqual(there.failureReason, last?.reason);
          assert.isTrue(order.states.every(({ from, at }) => from >= order.askedAt - 1 && at >= from));
          if (there.status !== "COMPLETED") continue;
          assert.deepStrictEqual(
            order.payments.map(({ provider, paymentKey, amount }) => ({ provider, paymentKey, amount })),
            [{ provider: "TOSSPAYMENTS", paymentKey: `pay-v-${there.id}`, amount: there.amount }],
          );
          assert.deepInclude(order.confirms[0], { httpStatus: 200, status: "CAPTURED" });
          assert.strictEqual(order.finalAmount, there.amount);
        }

        const seconds = lines.filter((line) => line.type === "second");
        assert.isAtLeast(seconds.length, 2);
        for (const { orders: now, inFlight } of seconds) {
          assert.isAtLeast(now.refused, 0);
          assert.isAtLeast(now.open + now.completed, 0);
          assert.isAtMost(inFlight, now.offered);
        }
        assert.deepInclude(lines, { type: "finished", summary: path.join(into, Summary.files.summary) });
        assert.notInclude(yield* Effect.promise(() => fs.readdir(into)), "job.json");
      }),
    ),
  );

  it.live("an arrival beyond the bound on shoppers under way is dropped and counted, not delayed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make(FakeShop.wellBehaved);
        const job = jobOf(yield* folder, shop.url, { limits: { ...Summary.defaultLimits, maxInFlight: 5 } });
        const scenario = inProcess(async (shopper) => {
          await ask(shopper);
          await shopper.pause(300);
        });
        const summary = yield* Effect.promise(() => Load.start(job, scenario, () => {}).done);
        sumsHold(summary, summary.dropped);
        assert.strictEqual(summary.orders.offered, 100);
        assert.strictEqual(summary.droppedBecause.busy, summary.dropped);
        // Five shoppers, a third of a second each, for a second: four waves at most.
        assert.isAtMost(summary.orders.placed, 20);
        assert.isAtLeast(summary.orders.placed, 5);
        assert.strictEqual(summary.orders.open, summary.orders.placed);
      }),
    ),
  );

  it.live("an arrival that a busy generator would start too late is dropped and counted", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make(FakeShop.wellBehaved);
        const job = jobOf(yield* folder, shop.url, { limits: { ...Summary.defaultLimits, maxLateMillis: 100 } });
        const scenario = inProcess((shopper) => {
          if (shopper.index === 20) for (const until = performance.now() + 400; performance.now() < until;);
          return ask(shopper);
        });
        const summary = yield* Effect.promise(() => Load.start(job, scenario, () => {}).done);
        sumsHold(summary, summary.dropped);
        assert.strictEqual(summary.droppedBecause.late, summary.dropped);
        assert.isAtLeast(summary.dropped, 20);
        assert.isAtMost(summary.startedLateP99Ms, 101);
      }),
    ),
  );

  it.live("unexpected statuses and failing journeys are counted, with at most 20 examples, and still add up", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const post = (number: number) => (number % 2 === 0 ? "broken" : "place");
        const shop = yield* FakeShop.make({ ...FakeShop.wellBehaved, post });
        const scenario = inProcess(async (shopper) => {
          await ask(shopper);
          if (shopper.ledger.order()?.orderId === undefined) throw new Error("no order for me");
        });
        const job = jobOf(yield* folder, shop.url);
        const summary = yield* Effect.promise(() => Load.start(job, scenario, () => {}).done);
        sumsHold(summary, summary.dropped);
        assert.deepInclude(summary.orders, { offered: 100, placed: 50, refused: 50, unanswered: 50 });
        assert.strictEqual(summary.http["POST /v1/orders"]?.unexpected, 50);
        assert.strictEqual(summary.unexpected.length, 20);
        assert.deepInclude(summary.unexpected[0], { status: 500, detail: `{"title":"broken"}` });
        assert.strictEqual(summary.journeyFailures.count, 50);
        assert.strictEqual(summary.journeyFailures.examples.length, 20);
      }),
    ),
  );

  it.live("orders that are not terminal when the drain's bound ends are open", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make({ ...FakeShop.wellBehaved, reserveMillis: 60_000 });
        const job = jobOf(yield* folder, shop.url, { options: { peakPerSecond: 20, drainSeconds: 0.3 } });
        const scenario = inProcess(ask, async (shopper) => {
          for (;;) await shopper.pause(50);
        });
        const summary = yield* Effect.promise(() => Load.start(job, scenario, () => {}).done);
        sumsHold(summary, 0);
        assert.deepInclude(summary.orders, { offered: 20, placed: 20, open: 20 });
        assert.isNull(summary.drainedMs);
        assert.isFalse(summary.interrupted);
      }),
    ),
  );

  it.live("an interrupted load process writes what it has, and what it has adds up", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make(FakeShop.wellBehaved);
        const into = yield* folder;
        const seen = yield* Effect.sync(() => Promise.withResolvers<void>());
        const job = jobOf(into, shop.url, { options: { peakPerSecond: 40, durationSeconds: 600 } });
        const fiber = yield* LoadProcess.run({
          job,
          onProgress: (line) => line.type === "second" && line.second === 2 && seen.resolve(),
        }).pipe(Effect.forkChild);
        yield* Effect.promise(() => seen.promise);
        yield* Fiber.interrupt(fiber);
        const summary = yield* LoadProcess.readSummary(into);
        assert.isTrue(summary.interrupted);
        sumsHold(summary, summary.dropped);
        assert.isAbove(summary.droppedBecause.interrupted, 20_000);
        const ledger = yield* Ledger.read(path.join(into, Summary.files.ledger));
        assert.isTrue(ledger.complete);
        assert.strictEqual(ledger.orders.length, summary.orders.placed + summary.orders.refused);
      }),
    ),
  );

  it.live("a load process whose lifeline breaks writes what it has and ends", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make(FakeShop.wellBehaved);
        const into = yield* folder;
        const file = path.join(into, "the-job.json");
        const job = jobOf(into, shop.url, { options: { peakPerSecond: 40, durationSeconds: 600 } });
        yield* Effect.promise(() => fs.writeFile(file, JSON.stringify(job)));
        const code = yield* Effect.promise(async () => {
          const child = spawn(process.execPath, [...process.execArgv, LoadProcess.entry, "--job", file], {
            stdio: ["pipe", "pipe", "inherit"],
            env: { ...process.env, DESTINY_LIFELINE: "stdin" },
          });
          child.stdout.setEncoding("utf8").on("data", (text: string) => {
            if (text.includes('"type":"second"')) child.stdin.end();
          });
          const [code] = (await once(child, "close")) as [number | null];
          return code;
        });
        assert.strictEqual(code, 0);
        const summary = yield* LoadProcess.readSummary(into);
        assert.isTrue(summary.interrupted);
        sumsHold(summary, summary.dropped);
      }),
    ),
  );

  it.live("the smoke scenario passes its own thresholds against a shop that works", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const shop = yield* FakeShop.make(FakeShop.wellBehaved);
        const into = yield* folder;
        const job = jobOf(into, shop.url, { scenario: scenarioFile("smoke") });
        const summary = yield* LoadProcess.run({ job, onProgress: () => {} });
        const samples = yield* Samples.read(path.join(into, Summary.files.samples));
        const file = yield* Effect.promise(() => import(scenarioFile("smoke")) as Promise<{ default: Scenario }>);
        const rows = Thresholds.evaluate(file.default, { summary, samples, faults: [] }, "gate");
        assert.deepStrictEqual(
          rows.filter(({ ok }) => !ok),
          [],
        );
        assert.strictEqual(rows.length, file.default.thresholds.length + 1);
        assert.deepInclude(summary.orders, { offered: 1, placed: 1, completed: 1 });
      }),
    ),
  );

  it.live("a shop in which nobody can log in fails the load with the reason", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const error = yield* LoadProcess.run({
          job: jobOf(yield* folder, "http://127.0.0.1:1"),
          onProgress: () => {},
        }).pipe(Effect.flip);
        assert.match(error.message, /POST \/v1\/auths\/login answered 0 ECONNREFUSED/);
      }),
    ),
  );
});

describe("ledger", () => {
  it.live("an ask for a coupon counts by its last answer; one without any, or of another kind, is refused", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = path.join(yield* folder, "ledger.ndjson");
        const writer = yield* Effect.promise(() => Ledger.write(file));
        const asked = (idempotencyKey: string) =>
          writer.append({ type: "couponAsked", shopper: 3, at: 2, userId: "u", templateId: "t", idempotencyKey });
        const answered = (
          idempotencyKey: string,
          httpStatus: number,
          more: { code?: string; couponId?: string } = {},
        ) => writer.append({ type: "couponAnswered", shopper: 3, from: 2, at: 3, idempotencyKey, httpStatus, ...more });
        writer.append({ type: "run", at: 1, run: "r", scenario: "s", seed: 1 });
        for (const key of ["won", "twice", "late", "closed", "silent"]) asked(key);
        assert.throws(() => asked("won"), /asked twice/);
        assert.throws(() => answered("never", 201), /before asked/);
        answered("won", 0);
        answered("won", 201, { couponId: "c" });
        answered("won", 409, { code: "ISSUED-003", couponId: "other" });
        answered("won", 201, { couponId: "c" });
        answered("twice", 409, { code: "ISSUED-003", couponId: "c" });
        answered("late", 400, { code: "ISSUED-010" });
        answered("closed", 400, { code: "ISSUED-002" });
        yield* Effect.promise(() => writer.close());
        const { coupons } = yield* Ledger.read(file);
        assert.deepStrictEqual(Tally.coupons(coupons), { offered: 5, issued: 1, soldOut: 1, duplicate: 1, refused: 2 });
        assert.deepStrictEqual(Tally.coupons(writer.coupons.values()), Tally.coupons(coupons));
        assert.deepStrictEqual(coupons[0]?.answer, { from: 2, at: 3, httpStatus: 201 });
        assert.deepStrictEqual(
          coupons.map(({ couponId, otherCouponIds }) => [couponId, otherCouponIds]),
          [["c", ["other"]], ["c", []], ...Array.from({ length: 3 }, () => [undefined, []])],
          "what a shopper was told to have stays told",
        );
      }),
    ),
  );

  it.live("a torn last line is left out and the ledger says that it is not complete", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = path.join(yield* folder, "ledger.ndjson");
        const writer = yield* Effect.promise(() => Ledger.write(file));
        writer.append({ type: "run", at: 1, run: "r", scenario: "s", seed: 1 });
        const items = [{ productId: "p", quantity: 2 }];
        writer.append({ type: "asked", shopper: 3, at: 2, userId: "u", idempotencyKey: "k", items });
        assert.throws(() => writer.append({ type: "refused", shopper: 4, at: 3, status: 503 }), /before asked/);
        yield* Effect.promise(() => writer.close());
        yield* Effect.promise(() => fs.appendFile(file, `{"type":"got","shop`));
        const ledger = yield* Ledger.read(file);
        assert.isFalse(ledger.complete);
        assert.deepStrictEqual(
          ledger.orders.map(({ shopper, idempotencyKey }) => [shopper, idempotencyKey]),
          [[3, "k"]],
        );

        yield* Effect.promise(() => fs.appendFile(file, `\n{"type":"closed","at":9,"interrupted":false}\n`));
        const broken = yield* Ledger.read(file).pipe(Effect.flip);
        assert.strictEqual(broken._tag, "LedgerError");
      }),
    ),
  );
});
