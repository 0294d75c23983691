import { assert, describe, it } from "@effect/vitest";
import { GatewayRouter } from "@destiny/sdk/payment";
import * as Schema from "effect/Schema";

const { choose } = GatewayRouter;

const state = Schema.Literals(["closed", "open", "half-open"]);
const Gateway = Schema.Struct({
  weight: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
  methods: Schema.Literals(["any", "card", "transfer"]),
  confirm: state,
  inquire: state,
  tried: Schema.Boolean,
});
const Gateways = Schema.Array(Gateway).check(Schema.isMaxLength(5));
const Method = Schema.Literals(["CARD", "TRANSFER", "unknown yet"]);
const Draw = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9999 }));

const condition = (of: typeof state.Type) => ({ state: of, calls: 0, failed: 0 });

const question = (
  gateways: ReadonlyArray<typeof Gateway.Type>,
  method: typeof Method.Type,
  draw: number,
): GatewayRouter.Question => {
  const named = gateways.map((gateway, index) => ({ ...gateway, provider: `gateway-${index}` }));
  return {
    candidates: named.map(({ methods, provider, weight }) => ({
      provider,
      weight,
      ...(methods === "any" ? {} : { methods: [methods.toUpperCase()] }),
    })),
    method: method === "unknown yet" ? undefined : method,
    health: Object.fromEntries(
      named.map(({ confirm, inquire, provider }) => [
        provider,
        { confirm: condition(confirm), inquire: condition(inquire) },
      ]),
    ),
    tried: named.filter(({ tried }) => tried).map(({ provider }) => provider),
    draw: draw / 10_000,
  };
};

/** The rule, written the other way round: what speaks against a gateway. */
const usable = (gateway: typeof Gateway.Type, method: typeof Method.Type): boolean =>
  !gateway.tried &&
  gateway.weight > 0 &&
  gateway.confirm !== "open" &&
  gateway.inquire !== "open" &&
  (method === "unknown yet" || gateway.methods === "any" || gateway.methods.toUpperCase() === method);

const runs = { arbitrary: { runs: 500 } };

describe("the router, whatever it is asked", () => {
  it.prop(
    "chooses a usable gateway whenever there is one, and none otherwise",
    [Gateways, Method, Draw],
    ([gateways, method, draw]) => {
      const { chosen, considered } = choose(question(gateways, method, draw));
      const wanted = gateways.flatMap((gateway, index) => (usable(gateway, method) ? [`gateway-${index}`] : []));
      if (wanted.length === 0) assert.isNull(chosen);
      else assert.include(wanted, chosen);
      assert.deepStrictEqual(
        considered.filter(({ share }) => share > 0).map(({ provider }) => provider),
        wanted,
      );
    },
    runs,
  );

  it.prop(
    "answers the same whatever the order of the candidates, with shares that make a whole",
    [Gateways, Method, Draw],
    ([gateways, method, draw]) => {
      const asked = question(gateways, method, draw);
      const answer = choose(asked);
      assert.deepStrictEqual(choose({ ...asked, candidates: asked.candidates.toReversed() }), answer);
      const whole = answer.considered.reduce((sum, { share }) => sum + share, 0);
      assert.closeTo(whole, answer.chosen === null ? 0 : 1, 1e-9);
    },
    runs,
  );

  it.prop(
    "gives each gateway the part of all draws that its explanation says",
    [Gateways, Method],
    ([gateways, method]) => {
      const draws = 1000;
      const counts = new Map<string, number>();
      for (let draw = 0; draw < draws; draw++) {
        const { chosen } = choose(question(gateways, method, draw * 10));
        if (chosen !== null) counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
      }
      for (const { provider, share } of choose(question(gateways, method, 0)).considered) {
        assert.closeTo((counts.get(provider) ?? 0) / draws, share, 2 / draws);
      }
    },
    { arbitrary: { runs: 50 } },
  );

  it.prop(
    "explains itself in JSON that holds the choice",
    [Gateways, Method, Draw],
    ([gateways, method, draw]) => {
      const answer = choose(question(gateways, method, draw));
      const stored = JSON.stringify(Schema.encodeSync(GatewayRouter.Explanation)(answer));
      const read = Schema.decodeSync(Schema.fromJsonString(GatewayRouter.Explanation))(stored);
      assert.deepStrictEqual(read, answer);
    },
    runs,
  );
});

describe("the router", () => {
  const three = [
    { provider: "toss", weight: 2 },
    { provider: "portone", weight: 1 },
    { provider: "bootpay", weight: 1 },
  ];

  it("a gateway that is probed gets a tenth of its weight while another is well", () => {
    const { considered } = choose({
      candidates: three,
      health: { toss: { confirm: condition("half-open") } },
      tried: ["bootpay"],
      draw: 0,
    });
    const shares = Object.fromEntries(considered.map(({ provider, share }) => [provider, share]));
    assert.closeTo(shares["toss"] ?? 0, 0.2 / 1.2, 1e-9);
    assert.closeTo(shares["portone"] ?? 0, 1 / 1.2, 1e-9);
  });

  it("says what is wrong with each when none is left", () => {
    const answer = choose({
      candidates: [
        { provider: "toss", weight: 1, methods: ["CARD"] },
        { provider: "portone", weight: 0 },
        { provider: "bootpay", weight: 1 },
      ],
      method: "TRANSFER",
      health: { bootpay: { inquire: condition("open") } },
      tried: [],
      draw: 0.5,
    });
    assert.strictEqual(
      GatewayRouter.describe(answer),
      "none for TRANSFER: bootpay open 0 %, portone no weight 0 %, toss no such method 0 %",
    );
  });

  it("draws that belong to orders are the same each time, below 1, and spread over the gateways by weight", () => {
    const counts = new Map<string | null, number>();
    for (let order = 0; order < 4000; order++) {
      const draw = GatewayRouter.drawOf(`order-${order}`);
      assert.strictEqual(draw, GatewayRouter.drawOf(`order-${order}`));
      assert.isTrue(draw >= 0 && draw < 1);
      const { chosen } = choose({ candidates: three, health: {}, tried: [], draw });
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    assert.closeTo(counts.get("toss") ?? 0, 2000, 150);
    assert.closeTo(counts.get("portone") ?? 0, 1000, 150);
    assert.closeTo(counts.get("bootpay") ?? 0, 1000, 150);
  });
});
