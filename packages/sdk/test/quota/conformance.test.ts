import { assert, describe, layer } from "@effect/vitest";
import type { GroupCommit } from "@destiny/sdk/machine";
import type { QuotaMachine } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import { define, inMemory, issue, make, makeMemory, stamped, withDatabase } from "./Quotas.ts";

type Quota = GroupCommit.GroupCommit<QuotaMachine.Input, QuotaMachine.Output, QuotaMachine.Rejection>;

/** What every store must keep, told by what the next group sees of it. */
const story = Effect.fnUntraced(function* (quota: Quota) {
  const tell = (input: QuotaMachine.Input) =>
    Effect.match(quota.submit(stamped(input)), {
      onSuccess: ([output]) => output,
      onFailure: (rejection) => rejection,
    });
  const asked = { ...issue("kept", "s/with slash"), grantId: "kept 1" };
  const claim = (by: string): QuotaMachine.Input => ({ _tag: "Claim", grantId: asked.grantId, by });
  const defined = yield* tell(define("kept", 1));
  const issued = yield* tell(asked);
  const grant = {
    _tag: "Grant",
    quotaId: "kept",
    grantId: asked.grantId,
    subject: asked.subject,
    serial: 1,
    revoked: false,
    claim: { by: "order 1", at: 1000 },
    issuedAt: 1000,
    until: asked.until,
    data: asked.data,
  };
  assert.deepStrictEqual(
    [
      defined,
      issued,
      yield* tell({ ...issue("kept", "s/with slash"), grantId: "kept 2" }),
      yield* tell(issue("kept", "t")),
      yield* tell(claim("order 1")),
      yield* tell(claim("order 2")),
      yield* tell({ _tag: "Release", grantId: asked.grantId, by: "order 1" }),
      yield* tell({ _tag: "Revoke", quotaId: "kept", grantId: asked.grantId }),
      yield* tell(claim("order 1")),
    ],
    [
      { _tag: "Defined", quotaId: "kept", limit: 1, version: 1 },
      { _tag: "Issued", grantId: "kept 1", serial: 1 },
      { _tag: "AlreadyHas", grantId: "kept 1", serial: 1 },
      { _tag: "SoldOut", limit: 1, version: 2 },
      { _tag: "Claimed", grant },
      { _tag: "AlreadyClaimed", by: "order 1" },
      { _tag: "Released", grantId: "kept 1" },
      { _tag: "Revoked", grantId: "kept 1", version: 3 },
      { _tag: "AlreadyRevoked" },
    ],
  );
  const again = yield* tell(issue("kept", "s/with slash"));
  assert.strictEqual(again?._tag === "Issued" && again.serial, 2);
});

describe("every store of quotas", () => {
  layer(withDatabase, { excludeTestServices: true })("PostgreSQL", (it) => {
    it.effect("reads back what was decided", () => Effect.flatMap(make, story));
  });
  layer(inMemory)("memory", (it) => {
    it.effect("reads back what was decided", () => Effect.flatMap(makeMemory, story));
  });
});
