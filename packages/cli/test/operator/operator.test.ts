import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as os from "node:os";
import * as Desk from "./Desk.ts";
import { running } from "./running.ts";

const actor = `operator:${os.userInfo().username}`;

describe("dlq", () => {
  it.live("lists what services hold with its reason, and says which did not answer: exit code 4", () =>
    Effect.gen(function* () {
      const { instance, json, run } = yield* running;
      yield* Desk.stock(instance);
      const all = yield* json("dlq", "list");
      assert.strictEqual(all.code, 4);
      assert.deepStrictEqual(all.body.items, [{ service: "stock", ...Desk.letter }]);
      assert.includeMembers(all.body.unreachable, ["order", "payment", "product", "coupon", "saga"]);
      const one = yield* run("dlq", "list", "--service", "stock");
      assert.strictEqual(one.code, 0);
      assert.match(one.stdout, /^stock .* stock\.hold\.v1 .* parked .* Expected a number$/m);
      const shown = yield* json("dlq", "show", "stock", Desk.letter.id);
      assert.deepStrictEqual(shown.body.data, { lines: "x" });
    }),
  );

  it.live("acts as the account that runs it; a retry that leaves something waiting is exit code 4", () =>
    Effect.gen(function* () {
      const { instance, json } = yield* running;
      const done = yield* Desk.stock(instance);
      const retried = yield* json("dlq", "retry", "stock", Desk.letter.id);
      assert.deepStrictEqual(retried, { code: 4, body: { applied: 0, waiting: 1, reason: "still no number" } });
      const dropped = yield* json("dlq", "drop", "stock", Desk.letter.id, "--yes");
      assert.deepStrictEqual(dropped, { code: 0, body: { applied: 0, waiting: 0, reason: null } });
      assert.deepStrictEqual(done, [`retry by ${actor}`, `drop by ${actor}`]);
      assert.deepStrictEqual((yield* json("dlq", "list", "--service", "stock")).body.items, []);
    }),
  );

  it.live("gives nothing up without being told to: exit code 8, and nobody was asked", () =>
    Effect.gen(function* () {
      const { instance, json } = yield* running;
      const done = yield* Desk.stock(instance);
      const refused = yield* json("dlq", "drop", "stock", Desk.letter.id);
      assert.deepStrictEqual([refused.code, refused.body.error.code], [8, "NEEDS_CONFIRMATION"]);
      assert.include(refused.body.error.next[0], "--yes");
      assert.deepStrictEqual(done, []);
    }),
  );

  it.live("a wrong service, an unknown letter and a service that is down each say what to do", () =>
    Effect.gen(function* () {
      const { instance, json } = yield* running;
      yield* Desk.stock(instance);
      for (const [args, code, error, next] of [
        [["list", "--service", "stokc"], 2, "UNKNOWN_SERVICE", "did you mean stock?"],
        [["show", "stock", "nobody"], 2, "DLQ-001", "destiny dlq list"],
        [["list", "--service", "order"], 4, "SERVICE_UNREACHABLE", "destiny status"],
      ] as const) {
        const answer = yield* json("dlq", ...args);
        assert.deepStrictEqual([answer.code, answer.body.error.code], [code, error]);
        assert.include(answer.body.error.next[0], next);
      }
    }),
  );
});

describe("saga", () => {
  it.live("lists why a saga is stuck, page after page up to the limit", () =>
    Effect.gen(function* () {
      const { instance, json, run } = yield* running;
      yield* Desk.orchestrator(instance, 150);
      const { stdout } = yield* run("saga", "list", "--status", "stuck");
      assert.match(stdout, /^cancel-order\/cancellation-1 .* refund payment .* the bank refuses$/m);
      assert.include(stdout, "--limit");
      const many = yield* json("saga", "list", "--limit", "140");
      assert.deepStrictEqual([many.body.items.length, many.body.more], [140, true]);
      const every = yield* json("saga", "list", "--limit", "1000");
      assert.deepStrictEqual([every.body.items.length, every.body.more], [152, false]);
      const ids = new Set(every.body.items.map(({ id }: { readonly id: string }) => id));
      assert.strictEqual(ids.size, 152);
    }),
  );

  it.live("what was done stands in the journal with who did it and why", () =>
    Effect.gen(function* () {
      const { instance, json, run } = yield* running;
      yield* Desk.orchestrator(instance);
      const retried = yield* json("saga", "retry", Desk.stuck.key, "--note", "the bank is open again");
      assert.deepInclude(retried.body.journal[0], {
        kind: "retry",
        by: { actor, note: "the bank is open again" },
      });
      yield* run("saga", "skip", Desk.stuck.id, "--note", "paid back in cash", "--yes");
      const shown = yield* run("saga", "show", Desk.stuck.id);
      assert.include(shown.stdout, `${actor}: the bank is open again`);
      assert.include(shown.stdout, `${actor}: paid back in cash`);
      assert.include(shown.stdout, "stuck since 2026-01-01 00:01:00.000: the bank refuses");
    }),
  );

  it.live("an order's placing is found also while the order service is away, and what was not looked for is said", () =>
    Effect.gen(function* () {
      const { instance, run } = yield* running;
      yield* Desk.orchestrator(instance);
      const order = String(Desk.stuck.orderId);
      for (const args of [
        ["list", "--order", order],
        ["show", order],
        ["retry", order, "--note", "x"],
      ]) {
        const { code, stderr, stdout } = yield* run("saga", ...args, "--json");
        assert.strictEqual(code, 0, stderr);
        assert.include(stdout, `"place-order/${order}"`);
        assert.include(stderr, `no cancellation of order ${order} was looked for: order does not answer`);
      }
    }),
  );

  it.live("what cannot be taken back needs --yes; what does not fit is exit code 7; an unknown saga 2", () =>
    Effect.gen(function* () {
      const { instance, json } = yield* running;
      yield* Desk.orchestrator(instance);
      for (const [args, code, error] of [
        [["skip", Desk.stuck.id, "--note", "x"], 8, "NEEDS_CONFIRMATION"],
        [["compensate", Desk.stuck.id, "--note", "x"], 8, "NEEDS_CONFIRMATION"],
        [["compensate", Desk.stuck.id, "--note", "x", "--yes"], 7, "SAGA-002"],
        [["list", "--status", "stuk"], 2, "UNKNOWN_STATUS"],
        [["show", "place-order/nobody"], 2, "SAGA-001"],
        [["show", "nobody"], 2, "NO_SAGA"],
        [["retry", Desk.stuck.id], 2, "USAGE"],
      ] as const) {
        const answer = yield* json("saga", ...args);
        assert.deepStrictEqual([answer.code, answer.body.error.code], [code, error], args.join(" "));
        assert.isNotEmpty(answer.body.error.next);
      }
    }),
  );
});
