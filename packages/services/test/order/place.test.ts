import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { OrderPlaced } from "../../src/contracts/index.ts";
import { recipient } from "../shared/Sales.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { fieldsOf } from "../shared/TestHttp.ts";
import * as Orders from "./Orders.ts";

layer(Orders.service, { excludeTestServices: true })("placing an order", (it) => {
  it.effect("answers 201 with the pending order and where it is, and says once what was ordered, lines merged", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const shopper = yield* tokens.customer;
      const [socks, shirt] = [yield* Orders.product, yield* Orders.product];
      const body = yield* Orders.bodyOf([
        { productId: socks, quantity: 2 },
        { productId: shirt, quantity: 1 },
        { productId: socks, quantity: 3 },
      ]);
      const answer = yield* http.post("/v1/orders", { as: shopper, key: "k-1", body });
      const id = Orders.idOf(answer);
      const lines = [
        { productId: socks, quantity: 5 },
        { productId: shirt, quantity: 1 },
      ];
      assert.strictEqual(answer.status, 201);
      assert.strictEqual(answer.headers["location"], `/v1/orders/${id}`);
      const { createdAt, updatedAt, ...order } = answer.body;
      assert.isTrue(typeof createdAt === "number" && createdAt === updatedAt);
      assert.deepStrictEqual(order, {
        id,
        userId: shopper.userId,
        status: "PENDING",
        deliveryStatus: null,
        failureReason: null,
        failureDetail: null,
        cancellation: null,
        couponId: null,
        originalAmount: null,
        discountAmount: 0,
        finalAmount: null,
        items: lines.map((line) => ({ ...line, brandId: null, unitPrice: null, discount: null })),
        recipient: recipient,
      });
      assert.deepStrictEqual((yield* http.get(`/v1/orders/${id}`, { as: shopper })).body, answer.body);

      yield* bus.settled;
      const events = yield* bus.said(OrderPlaced, id);
      assert.deepStrictEqual(
        events.map(({ payload }) => payload),
        [{ orderId: id, userId: shopper.userId, lines, couponId: null }],
      );
      assert.strictEqual(events[0]?.envelope.correlationId, id);
    }),
  );

  it.effect("the same key again is the same order and no second event, also when both come at once", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const shopper = yield* tokens.customer;
      const body = yield* Orders.bodyOf();
      const post = http.post("/v1/orders", { as: shopper, key: "again", body });
      const answers = yield* Effect.all([post, post, post], { concurrency: "unbounded" });
      const late = yield* http.post("/v1/orders", { as: shopper, key: '"again"', body });
      assert.deepStrictEqual(new Set([...answers, late].map(({ status }) => status)), new Set([201]));
      assert.strictEqual(new Set([...answers, late].map(({ text }) => text)).size, 1);
      yield* bus.settled;
      assert.lengthOf(yield* bus.said(OrderPlaced, Orders.idOf(late)), 1);
      const listed = yield* http.get("/v1/orders", { as: shopper });
      assert.lengthOf(listed.body["items"] as Array<unknown>, 1);
    }),
  );

  it.effect(
    "one key belongs to one shopper and one payload: another payload is 422, another shopper's is another order",
    () =>
      Effect.gen(function* () {
        const { http, tokens } = yield* ServiceTest;
        const shopper = yield* tokens.customer;
        const first = yield* http.post("/v1/orders", { as: shopper, key: "mine", body: yield* Orders.bodyOf() });
        const reused = yield* http.post("/v1/orders", { as: shopper, key: "mine", body: yield* Orders.bodyOf() });
        assert.deepStrictEqual([reused.status, reused.body["code"]], [422, "SERV-010"]);
        const other = yield* http.post("/v1/orders", {
          as: yield* tokens.customer,
          key: "mine",
          body: yield* Orders.bodyOf(),
        });
        assert.strictEqual(other.status, 201);
        assert.notStrictEqual(Orders.idOf(other), Orders.idOf(first));
      }),
  );

  it.effect("without a usable key nothing is placed: 400 that names the header", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const shopper = yield* tokens.customer;
      const body = yield* Orders.bodyOf();
      for (const headers of [{}, { "idempotency-key": '""' }, { "idempotency-key": "a".repeat(256) }]) {
        const answer = yield* http.post("/v1/orders", { as: shopper, headers, body });
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["header.idempotency-key"]]);
      }
      assert.deepStrictEqual((yield* http.get("/v1/orders", { as: shopper })).body["items"], []);
    }),
  );

  it.effect("bodies outside of the contract are 400 and name the field, never the value", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const shopper = yield* tokens.customer;
      const productId = yield* Orders.product;
      const manyLines = yield* Effect.replicateEffect(
        Effect.map(Orders.product, (id) => ({ productId: id, quantity: 1 })),
        51,
      );
      const quantity = (value: unknown) => ({ ...recipient, items: [{ productId, quantity: value }] });
      const cases: ReadonlyArray<readonly [string, unknown, string]> = [
        ["no items", { ...recipient }, "items"],
        ["items null", { ...recipient, items: null }, "items"],
        ["empty items", { ...recipient, items: [] }, "items"],
        ["51 items", { ...recipient, items: manyLines }, "items"],
        ["zero", quantity(0), "items[0].quantity"],
        ["negative", quantity(-3), "items[0].quantity"],
        ["huge", quantity(1001), "items[0].quantity"],
        ["beyond the integers", quantity(1e300), "items[0].quantity"],
        ["fractional", quantity(1.5), "items[0].quantity"],
        ["a string", quantity("2"), "items[0].quantity"],
        ["null", quantity(null), "items[0].quantity"],
        [
          "too many in sum",
          {
            ...recipient,
            items: [
              { productId, quantity: 600 },
              { productId, quantity: 600 },
            ],
          },
          "items",
        ],
        ["no uuid", { ...recipient, items: [{ productId: "1", quantity: 1 }] }, "items[0].productId"],
        ["no name", { ...quantity(1), recipientName: "" }, "recipientName"],
        ["a name with NUL", { ...quantity(1), recipientName: "a\0b" }, "recipientName"],
        ["half a character", { ...quantity(1), address1: "\ud800" }, "address1"],
        ["no phone number", { ...quantity(1), recipientPhone: "call-me-maybe" }, "recipientPhone"],
        ["a long message", { ...quantity(1), deliveryMessage: "x".repeat(201) }, "deliveryMessage"],
      ];
      for (const [name, body, field] of cases) {
        const answer = yield* http.post("/v1/orders", { as: shopper, key: "bad", body });
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, [field]], name);
        assert.strictEqual(answer.headers["content-type"], "application/problem+json");
        assert.notInclude(answer.text, "call-me-maybe");
      }
      const worst = { ...quantity(0), recipientName: "", recipientPhone: "call-me-maybe" };
      const all = yield* http.post("/v1/orders", { as: shopper, key: "bad", body: worst });
      assert.sameMembers([...fieldsOf(all)], ["items[0].quantity", "recipientName", "recipientPhone"], "all of them");
      const fifty = yield* http.post("/v1/orders", {
        as: shopper,
        key: "bad",
        body: { ...recipient, items: manyLines.slice(0, 50) },
      });
      assert.strictEqual(fifty.status, 201, "a refused request does not use its key up");
    }),
  );

  it.effect("unknown fields are ignored, a price or an owner from the client among them", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const shopper = yield* tokens.customer;
      const productId = yield* Orders.product;
      const answer = yield* http.post("/v1/orders", {
        as: shopper,
        key: "more",
        body: {
          ...recipient,
          userId: (yield* tokens.customer).userId,
          status: "COMPLETED",
          finalAmount: 1,
          items: [{ productId, quantity: 1, unitPrice: 1 }],
        },
      });
      assert.deepStrictEqual(
        [answer.status, answer.body["userId"], answer.body["status"], answer.body["finalAmount"]],
        [201, shopper.userId, "PENDING", null],
      );
      const unpriced = { brandId: null, unitPrice: null, discount: null };
      assert.deepStrictEqual(answer.body["items"], [{ productId, quantity: 1, ...unpriced }]);
    }),
  );

  it.effect("a body that is too large, no JSON, or of another type is 413, 400, 415", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const key = "raw";
      const large = yield* http.post("/v1/orders", { as, key, body: `{"address1":"${"x".repeat(70_000)}"}` });
      const broken = yield* http.post("/v1/orders", { as, key, body: '{"items":' });
      const typed = yield* http.post("/v1/orders", { as, key, body: "<a/>", headers: { "content-type": "text/xml" } });
      assert.deepStrictEqual([large.status, broken.status, typed.status], [413, 400, 415]);
    }),
  );
});
