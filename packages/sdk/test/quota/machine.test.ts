import { assert, describe, it } from "@effect/vitest";
import type { Machine } from "@destiny/sdk/machine";
import { QuotaMachine } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";

type Input = QuotaMachine.Input;
type State = QuotaMachine.State;

/** The states as a group commit would hold them. */
const desk = () => {
  const states = new Map<QuotaMachine.Key, Machine.Versioned<State>>();
  const view: QuotaMachine.Seen = {
    get: (key) => states.get(key)?.state,
    version: (key) => states.get(key)?.version ?? 0,
  };
  let inputs = 0;
  const all = <Tag extends State["_tag"]>(tag: Tag) =>
    [...states.values()].flatMap(({ state }) => (state._tag === tag ? [state as Extract<State, { _tag: Tag }>] : []));
  return {
    grants: () => all("Grant"),
    quotas: () => all("Quota"),
    grant: (id: string) => QuotaMachine.grantOf(view, id),
    quota: (id = "q") => QuotaMachine.quotaOf(view, id),
    ask: (input: Input, at = 0) => {
      const { decide, keys, more } = QuotaMachine.machine;
      const verdict = decide(view, { id: `i${++inputs}`, at, input });
      const named = new Set([...keys(input), ...(more?.(view, input) ?? [])]);
      for (const [key, state] of verdict.changes) {
        // A grant that is being made is nobody else's to lock.
        assert.isTrue(named.has(key) || !states.has(key), `${input._tag} changes ${key}, which it does not name`);
        states.set(key, { version: view.version(key) + 1, state });
      }
      return verdict._tag === "Accepted" ? verdict.outputs[0] : verdict.rejection;
    },
  };
};

const define = (
  limit: number | null,
  more: { readonly opensAt?: number; readonly closesAt?: number | null } = {},
): Input => ({
  _tag: "Define",
  quotaId: "q",
  limit,
  opensAt: 0,
  closesAt: null,
  ...more,
});
const issue = (subject: string, grantId = `of ${subject}`, until: number | null = null): Input => ({
  _tag: "Issue",
  quotaId: "q",
  subject,
  grantId,
  until,
  data: { of: subject },
});
const revoke = (grantId: string): Input => ({ _tag: "Revoke", quotaId: "q", grantId });
const claim = (grantId: string, by: string): Input => ({ _tag: "Claim", grantId, by });
const release = (grantId: string, by: string): Input => ({ _tag: "Release", grantId, by });
const tag = (answer: { readonly _tag: string } | undefined) => answer?._tag;

describe("QuotaMachine", () => {
  it("grants in the order of asking, with serials from 1, until the limit; then it is sold out at that version", () => {
    const quota = desk();
    quota.ask(define(2));
    const [first, second] = [quota.ask(issue("a")), quota.ask(issue("b"))];
    assert.deepStrictEqual(
      [first, second].map((one) => one?._tag === "Issued" && one.serial),
      [1, 2],
    );
    assert.deepStrictEqual(quota.ask(issue("c")), { _tag: "SoldOut", limit: 2, version: 3 });
  });

  it("a subject has one grant, also when nothing is left, and is told which", () => {
    const quota = desk();
    quota.ask(define(1));
    quota.ask(issue("a"));
    assert.deepStrictEqual(quota.ask(issue("a", "another")), { _tag: "AlreadyHas", grantId: "of a", serial: 1 });
  });

  it("is open from its opening to just before its closing", () => {
    const quota = desk();
    quota.ask(define(9, { opensAt: 10, closesAt: 20 }));
    const answers = [9, 10, 19, 20].map((at) => tag(quota.ask(issue(`at ${at}`), at)));
    assert.deepStrictEqual(answers, ["NotOpen", "Issued", "Issued", "NotOpen"]);
    quota.ask({ _tag: "Close", quotaId: "q" }, 15);
    assert.strictEqual(tag(quota.ask(issue("late"), 15)), "NotOpen");
    quota.ask({ _tag: "Close", quotaId: "q" }, 30);
    assert.strictEqual(quota.quota()?.closesAt, 15, "closed twice is closed at the first time");
  });

  it("a revoked grant stays, its place goes to the next under a new number, and its subject may ask again", () => {
    const quota = desk();
    quota.ask(define(1));
    quota.ask(issue("a"));
    assert.strictEqual(tag(quota.ask(revoke("of a"))), "Revoked");
    assert.strictEqual(tag(quota.ask(revoke("of a"))), "AlreadyRevoked");
    const again = quota.ask(issue("a", "second"));
    assert.strictEqual(again?._tag === "Issued" && again.serial, 2);
    assert.deepStrictEqual(
      quota.grants().map(({ grantId, revoked, serial }) => [grantId, serial, revoked]),
      [
        ["of a", 1, true],
        ["second", 2, false],
      ],
    );
  });

  it("raising the limit reopens; lowering it stops at what is live", () => {
    const quota = desk();
    quota.ask(define(1));
    quota.ask(issue("a"));
    assert.strictEqual(tag(quota.ask(issue("b"))), "SoldOut");
    assert.deepStrictEqual(quota.ask({ _tag: "Raise", quotaId: "q", limit: 2 }), {
      _tag: "Defined",
      quotaId: "q",
      limit: 2,
      version: 3,
    });
    assert.strictEqual(tag(quota.ask(issue("b"))), "Issued");
    assert.deepStrictEqual(quota.ask({ _tag: "Raise", quotaId: "q", limit: 1 }), {
      _tag: "BelowLive",
      live: 2,
      limit: 1,
    });
    assert.strictEqual(tag(quota.ask({ _tag: "Raise", quotaId: "q", limit: null })), "Defined");
    assert.strictEqual(tag(quota.ask(issue("c"))), "Issued", "without a limit nothing is sold out");
  });

  it("one claimant at a time spends a grant; a second one, a late one, and one of a revoked grant are told why not", () => {
    const quota = desk();
    quota.ask(define(2));
    quota.ask(issue("a", "g", 100));
    assert.strictEqual(tag(quota.ask(claim("g", "o1"), 99)), "Claimed");
    assert.strictEqual(tag(quota.ask(claim("g", "o1"), 500)), "Claimed", "a repetition is no new claim");
    assert.deepStrictEqual(quota.ask(claim("g", "o2")), { _tag: "AlreadyClaimed", by: "o1" });
    assert.deepStrictEqual(quota.ask(revoke("g")), { _tag: "AlreadyClaimed", by: "o1" });
    quota.ask(release("g", "o2"));
    assert.strictEqual(quota.grant("g")?.claim?.by, "o1", "only the claimant gives it back");
    quota.ask(release("g", "o1"));
    assert.deepStrictEqual(quota.ask(claim("g", "o2"), 100), { _tag: "Expired", until: 100 });
    quota.ask(revoke("g"));
    assert.strictEqual(tag(quota.ask(claim("g", "o2"))), "AlreadyRevoked");
    assert.strictEqual(tag(quota.ask(claim("nothing", "o2"))), "UnknownGrant");
    assert.strictEqual(tag(quota.ask(release("nothing", "o2"))), "Released");
  });

  it("what was never defined is unknown, and a grant of another quota is not this one's to revoke", () => {
    const quota = desk();
    for (const input of [issue("a"), revoke("g"), { _tag: "Raise", quotaId: "q", limit: 1 } as const]) {
      assert.deepStrictEqual(quota.ask(input), { _tag: "UnknownQuota", quotaId: "q" });
    }
    quota.ask(define(1));
    quota.ask({ ...define(1), quotaId: "other" } as Input);
    quota.ask({ ...issue("a", "g"), quotaId: "other" } as Input);
    assert.strictEqual(tag(quota.ask(revoke("g"))), "UnknownGrant");
  });

  for (const limit of [-1, 1.5, Number.NaN, QuotaMachine.maxLimit + 1]) {
    it(`a limit of ${limit} is a defect of the sender`, () => {
      assert.throws(() => desk().ask(define(limit)));
    });
  }

  const Step = Schema.Struct({
    kind: Schema.Literals(["Issue", "Issue", "Issue", "Revoke", "Raise", "Claim", "Release", "Close", "Define"]),
    subject: Schema.Literals(["a", "b", "c", "d"]),
    number: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
  });

  const inputOf = ({ at, kind, number, subject }: typeof Step.Type, index: number): Input => {
    switch (kind) {
      case "Issue":
        return issue(subject, `g${index}`, at + 5);
      case "Revoke":
        return revoke(`g${number}`);
      case "Claim":
        return claim(`g${number}`, subject);
      case "Release":
        return release(`g${number}`, subject);
      case "Raise":
        return { _tag: "Raise", quotaId: "q", limit: number };
      case "Close":
        return { _tag: "Close", quotaId: "q" };
      case "Define":
        return define(number, { closesAt: at + 10 });
    }
  };

  it.effect.prop(
    "whatever happens in whatever order: live grants stay within the limit, one per subject, and serials are dense",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.sync(() => {
        const quota = desk();
        quota.ask(define(2));
        let made = 0;
        steps.forEach((step, index) => {
          const before = quota.grants();
          if (tag(quota.ask(inputOf(step, index), step.at)) === "Issued") made++;
          const grants = quota.grants();
          const live = grants.filter(({ revoked }) => !revoked);
          const state = quota.quota();
          assert.isAtMost(live.length, state?.limit ?? Infinity);
          assert.strictEqual(new Set(live.map(({ subject }) => subject)).size, live.length);
          assert.deepStrictEqual(
            grants.map(({ serial }) => serial).sort((a, b) => a - b),
            Array.from({ length: made }, (_, n) => n + 1),
          );
          assert.deepStrictEqual([state?.issued, state?.live], [made, live.length]);
          for (const { grantId, revoked } of before) {
            assert.isTrue(!revoked || quota.grant(grantId)?.revoked === true, "revoked for ever");
          }
        });
      }),
    { arbitrary: { runs: 400 } },
  );
});
