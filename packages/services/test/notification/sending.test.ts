import { assert, describe, it } from "@effect/vitest";
import type { Machine } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { BrandId, UserId } from "../../src/contracts/index.ts";
import { machine } from "../../src/notification/Domain.ts";
import * as Sending from "../../src/notification/Sending.ts";
import {
  admin,
  type Answer,
  type Delivery,
  type Key,
  type NotificationInput,
  type Outcome,
  type Route,
  routeKey,
  type State,
} from "../../src/notification/State.ts";

const brandId = BrandId.make("0190a000-0000-7000-8000-000000000001");
const managerId = UserId.make("0190a000-0000-7000-8000-000000000002");

/** The machine over states in memory, at a time that the test says. */
const desk = () => {
  const states = new Map<Key, State>();
  const view: Machine.View<Key, State> = { get: (key) => states.get(key), version: () => 0 };
  let inputs = 0;
  const apply = (at: number, input: NotificationInput): ReadonlyArray<Answer> => {
    const verdict = machine.decide(view, { id: String(++inputs), at, input });
    assert.strictEqual(verdict._tag, "Accepted");
    for (const [key, state] of verdict.changes) states.set(key, state);
    return verdict._tag === "Accepted" ? verdict.outputs : [];
  };
  apply(0, { _tag: "BrandTold", brandId, managerId, brandName: "B", version: 1, isRemoved: false });
  apply(0, { _tag: "SetChannel", brandId, by: null, webhook: "/services/a/b/c", isActive: true });
  const deliveries = (): ReadonlyArray<Delivery> =>
    [...states.values()].filter((state): state is Delivery => state._tag === "Delivery");
  const ids = (route: string) => deliveries().flatMap((one) => (one.route === route ? [one.id] : []));
  return {
    deliveries,
    tell: (at: number, eventId = `e${inputs}`) =>
      apply(at, { _tag: "Posted", brandId, eventId, kind: "SAGA_ERROR", text: "text" }),
    /** Asks for everything of a route, as a dispatcher would that read it long ago. */
    claim: (at: number, route: string = brandId): ReadonlyArray<string> => {
      const [answer] = apply(at, { _tag: "Claim", route, deliveryIds: ids(route), leaseMillis: 15_000 });
      return answer?._tag === "Claimed" ? answer.deliveryIds : [];
    },
    settle: (at: number, deliveryIds: ReadonlyArray<string>, outcome: Outcome, route: string = brandId) =>
      void apply(at, { _tag: "Settle", route, deliveryIds, outcome }),
    route: (id: string = brandId) => states.get(routeKey(id)) as Route,
  };
};

const sent: Outcome = { _tag: "Sent", code: 200, message: "ok" };
const lost: Outcome = { _tag: "Retry", code: null, error: "timeout" };

describe("sending", () => {
  it("what is under way is nobody else's until the lease ends, and then anybody's", () => {
    const { claim, tell } = desk();
    tell(0, "one");
    assert.deepStrictEqual(claim(0), [`one:${brandId}`]);
    assert.deepStrictEqual(claim(14_999), []);
    assert.deepStrictEqual(claim(15_000), [`one:${brandId}`]);
  });

  it("a fact that is told again, also when its inbox row is long gone, is no second delivery", () => {
    const { claim, deliveries, settle, tell } = desk();
    tell(0, "one");
    settle(0, claim(0), sent);
    tell(5000, "one");
    assert.deepStrictEqual(
      deliveries().map(({ status }) => status),
      ["SUCCESS"],
    );
  });

  it("one message a second", () => {
    const { claim, settle, tell } = desk();
    tell(0);
    settle(100, claim(0), sent);
    tell(200);
    assert.deepStrictEqual(claim(100 + Sending.paceMillis - 1), []);
    assert.lengthOf(claim(100 + Sending.paceMillis), 1);
  });

  it("pauses double up to their bound, and a success forgets them", () => {
    const pauses = Array.from({ length: 9 }, (_, index) => Sending.pauseMillis(index + 1));
    assert.deepStrictEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    const { claim, route, settle, tell } = desk();
    tell(0);
    settle(0, claim(0), lost);
    settle(1000, claim(1000), lost);
    assert.strictEqual(route().notBefore, 3000);
    settle(3000, claim(3000), sent);
    assert.deepInclude(route(), { failures: 0, notBefore: 3000 + Sending.paceMillis });
  });

  it("ends as FAIL after its last attempt, but never because Slack asked to wait", () => {
    const { claim, deliveries, route, settle, tell } = desk();
    tell(0);
    for (let times = 0; times < 50; times++) {
      settle(route().notBefore, claim(route().notBefore), { _tag: "Throttled", afterMillis: 1000 });
    }
    assert.deepInclude(deliveries()[0], { status: "PENDING", attempts: 0 });
    for (let attempt = 1; attempt <= Sending.maxAttempts; attempt++) {
      assert.strictEqual(deliveries()[0]?.status, "PENDING", String(attempt));
      settle(route().notBefore, claim(route().notBefore), lost);
    }
    assert.deepInclude(deliveries()[0], { status: "FAIL", attempts: Sending.maxAttempts, errorCode: "timeout" });
  });

  it("what nobody took for too long is not sent any more", () => {
    const { claim, deliveries, tell } = desk();
    tell(0, "old");
    tell(1, "young");
    assert.deepStrictEqual(claim(Sending.maxPendingMillis), [`young:${brandId}`]);
    assert.deepInclude(deliveries()[0], { status: "FAIL", errorCode: "expired" });
  });

  it("a webhook that is gone hands everything to those who run the shop, who have nobody to hand it to", () => {
    const { claim, deliveries, settle, tell } = desk();
    tell(0, "taken");
    const taken = claim(0);
    tell(1, "waiting");
    settle(2, taken, { _tag: "Gone", code: 404, error: "no_service" });
    assert.deepStrictEqual(claim(2), [], "rerouted, not sent");
    assert.deepStrictEqual(new Set(deliveries().map(({ route }) => route)), new Set([admin]));
    settle(3, claim(3, admin), { _tag: "Gone", code: 404, error: "no_service" }, admin);
    assert.deepStrictEqual(
      deliveries().map(({ route, status }) => [route, status]),
      [
        [admin, "PENDING"],
        [admin, "PENDING"],
      ],
    );
    assert.deepStrictEqual(claim(3 + Sending.adminPauseMillis - 1, admin), []);
    assert.lengthOf(claim(3 + Sending.adminPauseMillis, admin), 2);
  });

  const Step = Schema.Struct({
    afterMillis: Schema.Literals([0, 1, 999, 1000, 14_999, 15_000, 120_000]),
    what: Schema.Literals(["tell", "claim", "claim", "settle", "settle", "settle again"]),
    outcome: Schema.Literals(["Sent", "Retry", "Throttled", "Refused", "Gone"]),
  });

  const outcomes: Readonly<Record<typeof Step.Type.outcome, Outcome>> = {
    Sent: sent,
    Retry: lost,
    Throttled: { _tag: "Throttled", afterMillis: 5000 },
    Refused: { _tag: "Refused", code: 400, error: "invalid_payload" },
    Gone: { _tag: "Gone", code: 404, error: "no_service" },
  };

  it.effect.prop(
    "whatever comes in whatever order: nothing is taken before its time or twice at once, and what has ended stays",
    [Schema.Array(Step).check(Schema.isMaxLength(40))],
    ([steps]) =>
      Effect.sync(() => {
        const { claim, deliveries, route, settle, tell } = desk();
        const ended = new Map<string, string>();
        const held: Array<{ readonly id: string; readonly ids: ReadonlyArray<string> }> = [];
        let at = 0;
        for (const { afterMillis, outcome, what } of steps) {
          at += afterMillis;
          if (what === "tell") tell(at);
          for (const id of what === "claim" ? [brandId, admin] : []) {
            const before = route(id)?.notBefore ?? 0;
            const ids = claim(at, id);
            if (ids.length > 0) {
              assert.isAtMost(before, at);
              assert.isAbove(route(id).notBefore, at);
              held.push({ id, ids });
            }
          }
          const one = what === "settle" ? held.shift() : what === "settle again" ? held[0] : undefined;
          if (one !== undefined) settle(at, one.ids, outcomes[outcome], one.id);
          for (const { attempts, id, status } of deliveries()) {
            assert.isAtMost(attempts, Sending.maxAttempts);
            if (ended.has(id)) assert.strictEqual(status, ended.get(id), id);
            if (status !== "PENDING") ended.set(id, status);
          }
        }
      }),
    { arbitrary: { runs: 300 } },
  );
});
