import { assert, describe, it as plain, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { type Branch, every, nameOf, taken } from "./Branches.ts";
import * as Coupons from "./Coupons.ts";
import * as Journeys from "./Journeys.ts";
import * as Late from "./Late.ts";
import { Shop } from "./Shop.ts";
import { troubled } from "./Troubled.ts";
import { turns } from "./Turns.ts";

interface Elsewhere {
  readonly why: string;
  readonly holds: (branch: Branch) => boolean;
}

const kinds =
  (...named: ReadonlyArray<Branch["kind"]>) =>
  ({ kind }: Branch): boolean =>
    named.includes(kind);

const standsStillHere = ({ kind, saga, step }: Branch): boolean =>
  step === "refund payment" && kind === (saga === "place-order" ? "Done" : "GiveUp");

/** Branches that no shopper, gateway or slow message leads to; each is a row of the SDK's own test of the table. */
const elsewhere: ReadonlyArray<Elsewhere> = [
  {
    why: "strays change a counter at most, whatever the step",
    holds: kinds("Start", "LateReply", "ForeignEvent", "NotDue"),
  },
  { why: "an operator's action on what is not stuck is refused", holds: kinds("Retry", "Skip", "Compensate") },
  {
    why: "what stands still waits for an operator or a late answer: cancel-order.test.ts, and two refunds here",
    holds: (branch) => branch.situation.startsWith("stuck.") && !standsStillHere(branch),
  },
  {
    why: "a participant that does not answer takes minutes to be given up",
    holds: ({ kind, situation }) => kind === "Due" && situation !== "awaiting" && situation !== "closing.pending",
  },
  {
    why: "no payment can be settled before it is open",
    holds: ({ kind, step }) => kind === "EarlyEvent" && step !== "await payment",
  },
  {
    why: "the saga undoes what it asked before, and asks nothing after: only a late duplicate meets the tombstone",
    holds: ({ kind, step, variant }) =>
      kind === "Refused" &&
      ((["hold stock", "use coupon"].includes(step ?? "") && variant === "Cancelled") || step === "open payment"),
  },
  {
    why: "no endpoint revokes a coupon yet",
    holds: ({ kind, step, variant }) => kind === "Refused" && step === "use coupon" && variant === "Revoked",
  },
  {
    why: "cancel-order is not cancelled: the wish that starts it is the last one",
    holds: ({ kind, saga }) => saga === "cancel-order" && kind === "Cancel",
  },
  {
    why: "an order that has ended takes no wish to its saga: only one that was overtaken on another topic",
    holds: ({ kind, situation }) => kind === "Cancel" && (situation === "completed" || situation === "compensated"),
  },
];

const isElsewhere = (branch: Branch): boolean => elsewhere.some(({ holds }) => holds(branch));
const names = (branches: ReadonlyArray<Branch>): ReadonlyArray<string> => [...new Set(branches.map(nameOf))].sort();

describe("every branch of the shop's sagas, over the real shop", () => {
  plain("is enumerated from definitions and table; what is tested elsewhere says where, and is something", () => {
    assert.isAbove(every.length, 100);
    for (const { holds, why } of elsewhere) assert.isTrue(every.some(holds), why);
  });

  layer(Shop.layer(Journeys.windows), { excludeTestServices: true, timeout: "200 seconds" })("in one shop", (it) => {
    it.effect(
      "every journey ends as it should, with everything undone that it did in vain",
      () =>
        Effect.gen(function* () {
          yield* Late.install;
          const drive = ({ name, run }: { readonly name: string; readonly run: Effect.Effect<unknown, never, Shop> }) =>
            Effect.catchCause(run, (cause) => Effect.die(new Error(name, { cause })));
          yield* Effect.forEach(
            [...Journeys.journeys, ...Coupons.couponJourneys, ...Coupons.couponTurns, ...turns],
            drive,
            { concurrency: 8, discard: true },
          );
          yield* Effect.forEach([...Journeys.troubled, ...troubled], drive, { discard: true });
        }),
      180_000,
    );

    it.effect("each branch was taken by some order, and no other than those of the table", () =>
      Effect.gen(function* () {
        const sagas = yield* taken;
        const walked = names(sagas.flatMap(({ branches }) => branches));
        const wanted = names(every.filter((branch) => !isElsewhere(branch)));
        assert.deepStrictEqual(
          wanted.filter((branch) => !walked.includes(branch)),
          [],
          "branches without a case",
        );
        assert.deepStrictEqual(
          walked.filter((branch) => !names(every).includes(branch)),
          [],
          "branches that the enumeration does not know",
        );
      }),
    );

    it.effect("whatever turned back undid, awaited and recorded each step that had been asked", () =>
      Effect.gen(function* () {
        const back = (yield* taken).filter(({ state }) => state.situation === "compensated");
        assert.isAbove(back.length, 5);
        for (const { id, state } of back) {
          assert.isNotNull(state.failure, id);
          assert.isNotNull(state.endedAt, id);
          for (const step of state.steps) {
            if (step.undo !== null) assert.isNotNull(step.undo.endedAt, `${id}: ${step.name}`);
            assert.notInclude(["undoing", "awaited"], step.state, `${id}: ${step.name}`);
          }
          const left = state.steps.filter(
            ({ name, state }) =>
              ["hold stock", "use coupon", "open payment"].includes(name) && (state === "asked" || state === "done"),
          );
          assert.deepStrictEqual(left, [], id);
        }
      }),
    );

    const broken = Effect.map(
      Effect.flatMap(Shop, ({ verify }) => verify),
      ({ invariants, moving, quiescent }) => {
        assert.isTrue(quiescent, moving.join("; "));
        return invariants.filter(({ ok }) => !ok);
      },
    );

    it.effect("after all of that the audit finds nothing", () =>
      Effect.map(broken, (invariants) => assert.deepStrictEqual(invariants, [])),
    );

    it.effect("and it names a cancelled sale whose money or units were forgotten", () =>
      Effect.gen(function* () {
        const { database } = yield* Shop;
        const [orders, payment, stock] = [database("order"), database("payment"), database("stock")];
        const [sale] = yield* orders<{ readonly id: string }>`
          SELECT id::text AS id FROM orders WHERE status = 'CANCELED' AND completed_at IS NOT NULL AND amount > 0 LIMIT 1`;
        const id = sale?.id ?? assert.fail("no sale was cancelled");
        const named = Effect.map(broken, (invariants) =>
          invariants.flatMap(({ id: invariant, violations }) =>
            violations.some((one) => one.id === id) ? [invariant] : [],
          ),
        );
        yield* stock`UPDATE reservation SET status = 'claimed' WHERE order_id = ${id}`;
        assert.deepStrictEqual(yield* named, ["I10"]);
        yield* stock`UPDATE reservation SET status = 'returned' WHERE order_id = ${id}`;
        yield* payment`UPDATE payment_attempt SET status = 'captured' WHERE reference = ${id} AND status = 'refunded'`;
        assert.deepStrictEqual(yield* named, ["I4", "I5", "I10"]);
        yield* payment`UPDATE payment_attempt SET status = 'refunded' WHERE reference = ${id} AND status = 'captured'`;
        assert.deepStrictEqual(yield* named, []);
        // Operators gave up in between: the money is on one side, all of it.
        yield* orders`UPDATE orders SET status = 'CANCEL_FAILED' WHERE id = ${id}::uuid`;
        assert.deepStrictEqual(yield* named, []);
        yield* orders`UPDATE orders SET amount = amount + 1 WHERE id = ${id}::uuid`;
        yield* payment`UPDATE payment_attempt SET status = 'captured' WHERE reference = ${id} AND status = 'refunded'`;
        assert.include(yield* named, "I5");
      }),
    );
  });
});
