import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import * as Toss from "../../src/simulators/Toss.ts";
import { basic, makeClient, order, reason, refused, simulated } from "./TossHarness.ts";

describe("authentication", () => {
  it.live(
    "a key without the trailing colon is refused as a format, a strange key as a key",
    simulated((toss) =>
      Effect.gen(function* () {
        const ask = (authorization: string) => toss.inquire("k", { authorization });
        refused(yield* ask(basic(Toss.defaultSecretKey)), 403, "INCORRECT_BASIC_AUTH_FORMAT");
        refused(yield* ask(`Bearer ${Toss.defaultSecretKey}`), 403, "INCORRECT_BASIC_AUTH_FORMAT");
        refused(yield* ask(""), 401, "UNAUTHORIZED_KEY");
        refused(yield* ask(basic("test_sk_other:")), 401, "UNAUTHORIZED_KEY");
        refused(yield* ask(basic("test_ck_client:")), 400, "INVALID_API_KEY");
        refused(yield* ask(basic(`${Toss.defaultSecretKey}:`)), 404, "NOT_FOUND_PAYMENT");
      }),
    ),
  );

  it.live(
    "the language of messages follows Accept-Language",
    simulated((toss) =>
      Effect.gen(function* () {
        const english = yield* toss.inquire("k", { headers: { "accept-language": "en-US" } });
        const korean = yield* toss.inquire("k", { headers: { "accept-language": "ko-KR" } });
        assert.strictEqual(english.body.message, "The payment does not exist.");
        assert.match(korean.body.message, /존재하지/);
      }),
    ),
  );
});

describe("limits and lists", () => {
  it.live(
    "with the flag, an operation has its calls a minute and then 429 with Retry-After",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          for (let call = 0; call < 3; call++) assert.strictEqual((yield* toss.inquire("k")).status, 404);
          toss.pass(15_000);
          const limited = yield* toss.inquire("k");
          refused(limited, 429, "TOO_MANY_REQUESTS");
          assert.strictEqual(limited.headers.get("retry-after"), "45");
          assert.strictEqual((yield* toss.confirm({})).status, 400);
          toss.pass(45_000);
          assert.strictEqual((yield* toss.inquire("k")).status, 404);
        }),
      { rateLimitPerMinute: 3 },
    ),
  );

  it.live(
    "transactions are listed oldest first, by window, in pages that neither repeat nor skip",
    simulated((toss) =>
      Effect.gen(function* () {
        for (let index = 0; index < 5; index++) {
          const payment = yield* toss.open({ orderId: `order-000${index}`, amount: 1_000 + index });
          yield* toss.confirm(payment);
          if (index === 1) yield* toss.cancel(payment.paymentKey, reason);
          toss.pass(1_000);
        }
        const ask = (query: string) => toss.call("GET", `/v1/transactions?${query}`);
        const day = "startDate=2026-11-27T00:00:00&endDate=2026-11-27T23:59:59";
        const all = (yield* ask(day)).body;
        assert.deepStrictEqual(
          all.map((row: { orderId: string; status: string; amount: number }) => [row.orderId, row.status, row.amount]),
          [
            ["order-0000", "DONE", 1_000],
            ["order-0001", "DONE", 1_001],
            ["order-0001", "CANCELED", 1_001],
            ["order-0002", "DONE", 1_002],
            ["order-0003", "DONE", 1_003],
            ["order-0004", "DONE", 1_004],
          ],
        );
        const paged: Array<{ transactionKey: string }> = [];
        for (let pages = 0; pages < 4; pages++) {
          const after = paged.at(-1) === undefined ? "" : `&startingAfter=${paged.at(-1)?.transactionKey}`;
          const rows = (yield* ask(`${day}&limit=2${after}`)).body;
          assert.lengthOf(rows, pages < 3 ? 2 : 0);
          paged.push(...rows);
        }
        assert.deepStrictEqual(paged, all);
        const window = yield* ask("startDate=2026-11-27T09:00:02&endDate=2026-11-27T09:00:03");
        assert.lengthOf(window.body, 2);
        refused(yield* ask("limit=2"), 400, "INVALID_REQUEST");
        refused(yield* ask(`${day}&limit=5001`), 400, "INVALID_REQUEST");
      }),
    ),
  );

  it.live(
    "control lists come in pages, and a reset forgets everything",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          for (let index = 0; index < 3; index++) {
            yield* toss.confirm(yield* toss.open({ orderId: `order-000${index}`, amount: 1_000 }), {
              key: `k${index}`,
            });
          }
          const first = (yield* toss.call("GET", "/__sim/captures?limit=2")).body;
          assert.deepStrictEqual([first.items.length, first.nextCursor], [2, "2"]);
          const rest = (yield* toss.call("GET", `/__sim/captures?limit=2&after=${first.nextCursor}`)).body;
          assert.deepStrictEqual([rest.items[0].sequence, rest.items.length, rest.nextCursor], [3, 1, null]);
          assert.lengthOf((yield* toss.call("GET", "/__sim/payments")).body.items, 3);
          assert.strictEqual(
            (yield* toss.call("POST", "/__sim/payments", { orderId: "order-0009", amount: 0 })).status,
            400,
          );
          assert.strictEqual(
            (yield* toss.call("POST", "/__sim/payments", { orderId: "order-0009", amount: 1 })).status,
            503,
          );
          yield* toss.call("POST", "/__sim/reset");
          assert.isEmpty((yield* toss.call("GET", "/__sim/captures")).body.items);
          assert.isEmpty((yield* toss.call("GET", "/__sim/payments")).body.items);
          assert.strictEqual((yield* toss.confirm(yield* toss.open(order), { key: "k0" })).body.orderId, order.orderId);
        }),
      { maxPayments: 3 },
    ),
  );
});

describe("the layer", () => {
  it.effect("gives tests a simulator on their own clock, with direct access to faults and captures", () =>
    Effect.gen(function* () {
      const toss = yield* Toss.TossSimulator;
      const client = makeClient(toss.url);
      const payment = yield* client.open(order);
      const late = toss.createPayment({ orderId: "order-late", amount: 1_000 });
      yield* client.confirm(payment);
      assert.lengthOf(toss.captures(), 1);
      yield* TestClock.adjust("11 minutes");
      refused(
        yield* client.confirm({ paymentKey: late?.paymentKey, orderId: "order-late", amount: 1_000 }),
        404,
        "NOT_FOUND_PAYMENT_SESSION",
      );
      toss.faults.put({ rules: [{ kind: "unavailable", status: 502 }] });
      assert.strictEqual((yield* client.inquire(payment.paymentKey)).status, 502);
      toss.reset();
      assert.isEmpty(toss.payments());
    }).pipe(Effect.provide(Toss.layer({ port: 0 }))),
  );
});
