/**
 * First come, first served, as a pure machine: a limit, at most one live grant per subject, dense serial numbers.
 *
 * A grant is live until it is revoked; a live grant can be claimed by one claimant at a time (an order that spends it) and
 * released by that claimant alone. Serials number the grants that were ever made and are never used again, so a revoked
 * grant stays as a row and its place goes to somebody else under a new number.
 *
 * Guarantee: live grants <= limit at every version; a subject has at most one of them; serials are 1, 2, 3, … without a
 * gap; `sold out` is answered only when the version that was read had no grant left.
 *
 * Limits: time is the input's; a quota is open from `opensAt` to just before `closesAt`. `data` belongs to whoever issues.
 */
import * as Schema from "effect/Schema";
import { accept, type Machine, reject, type Verdict, type View } from "../machine/Machine.ts";

export type Key = `quota/${string}` | `grant/${string}` | `holder/${string}`;

export const quotaKey = (quotaId: string): Key => `quota/${quotaId}`;
export const grantKey = (grantId: string): Key => `grant/${grantId}`;
/** A quota's id has no slash, so this reads in one way only. */
export const holderKey = (quotaId: string, subject: string): Key => `holder/${quotaId}/${subject}`;

export interface Quota {
  readonly _tag: "Quota";
  readonly quotaId: string;
  /** Live grants at most; null: no limit. */
  readonly limit: number | null;
  /** Grants ever made: the highest serial. */
  readonly issued: number;
  /** Grants that were not revoked. */
  readonly live: number;
  /** UTC epoch milliseconds; `closesAt` is the first moment that is too late, null: never. */
  readonly opensAt: number;
  readonly closesAt: number | null;
}

const Claim = Schema.Struct({ by: Schema.String, at: Schema.Int });

export const Grant = Schema.TaggedStruct("Grant", {
  grantId: Schema.String,
  quotaId: Schema.String,
  subject: Schema.String,
  serial: Schema.Int,
  revoked: Schema.Boolean,
  /** Who spent it, such as an order. */
  claim: Schema.NullOr(Claim),
  issuedAt: Schema.Int,
  /** The first moment at which it cannot be claimed any more, UTC epoch milliseconds; null: never. */
  until: Schema.NullOr(Schema.Int),
  data: Schema.Json,
});
export type Grant = typeof Grant.Type;

/** The live grant of a subject. Not a row of its own: what the store finds among the grants. */
export interface Holder {
  readonly _tag: "Holder";
  readonly grant: { readonly grantId: string; readonly serial: number } | null;
}

export type State = Quota | Grant | Holder;

interface Terms {
  readonly quotaId: string;
  readonly limit: number | null;
  readonly opensAt: number;
  readonly closesAt: number | null;
}

export interface Issue {
  readonly _tag: "Issue";
  readonly quotaId: string;
  readonly subject: string;
  /** Names the grant if it is made; never used before. */
  readonly grantId: string;
  readonly until: number | null;
  readonly data: Schema.Json;
}

export type Input =
  /** Opens a quota, or changes its limit and its time. */
  | ({ readonly _tag: "Define" } & Terms)
  /** A new limit, also a lower one, but never below what is live. */
  | { readonly _tag: "Raise"; readonly quotaId: string; readonly limit: number | null }
  /** No grant from now on. */
  | { readonly _tag: "Close"; readonly quotaId: string }
  | Issue
  | { readonly _tag: "Revoke"; readonly quotaId: string; readonly grantId: string }
  | { readonly _tag: "Claim"; readonly grantId: string; readonly by: string }
  | { readonly _tag: "Release"; readonly grantId: string; readonly by: string };

export const Output = Schema.Union([
  /** `version` is that of the quota: who remembers what was exhausted compares by it. */
  Schema.TaggedStruct("Defined", { quotaId: Schema.String, limit: Schema.NullOr(Schema.Int), version: Schema.Int }),
  Schema.TaggedStruct("Issued", { grantId: Schema.String, serial: Schema.Int }),
  Schema.TaggedStruct("Revoked", { grantId: Schema.String, version: Schema.Int }),
  Schema.TaggedStruct("Claimed", { grant: Grant }),
  Schema.TaggedStruct("Released", { grantId: Schema.String }),
]);
export type Output = typeof Output.Type;

export const Rejection = Schema.Union([
  Schema.TaggedStruct("UnknownQuota", { quotaId: Schema.String }),
  Schema.TaggedStruct("NotOpen", { opensAt: Schema.Int, closesAt: Schema.NullOr(Schema.Int) }),
  Schema.TaggedStruct("AlreadyHas", { grantId: Schema.String, serial: Schema.Int }),
  Schema.TaggedStruct("SoldOut", { limit: Schema.Int, version: Schema.Int }),
  Schema.TaggedStruct("BelowLive", { live: Schema.Int, limit: Schema.Int }),
  Schema.TaggedStruct("UnknownGrant", { grantId: Schema.String }),
  Schema.TaggedStruct("AlreadyRevoked", {}),
  Schema.TaggedStruct("AlreadyClaimed", { by: Schema.String }),
  Schema.TaggedStruct("Expired", { until: Schema.Int }),
]);
export type Rejection = typeof Rejection.Type;

export const maxLimit = 1_000_000_000;

export type Seen = View<Key, State>;
export type Result = Verdict<Key, State, Output, Rejection>;

export const quotaOf = (view: Seen, quotaId: string): Quota | undefined => {
  const state = view.get(quotaKey(quotaId));
  return state?._tag === "Quota" ? state : undefined;
};

export const grantOf = (view: Seen, grantId: string): Grant | undefined => {
  const state = view.get(grantKey(grantId));
  return state?._tag === "Grant" ? state : undefined;
};

const holderOf = (view: Seen, quotaId: string, subject: string): Holder["grant"] => {
  const state = view.get(holderKey(quotaId, subject));
  return state?._tag === "Holder" ? state.grant : null;
};

const define = (view: Seen, { closesAt, limit, opensAt, quotaId }: Terms): Result => {
  if (quotaId.includes("/")) throw new RangeError(`a quota's id has no slash: ${quotaId}`);
  if (limit !== null && (!Number.isInteger(limit) || limit < 0 || limit > maxLimit))
    throw new RangeError(`${quotaId}: a limit of ${limit}`);
  const { issued, live } = quotaOf(view, quotaId) ?? { issued: 0, live: 0 };
  if (limit !== null && limit < live) return reject({ _tag: "BelowLive", live, limit });
  const key = quotaKey(quotaId);
  return accept(
    [[key, { _tag: "Quota", quotaId, limit, issued, live, opensAt, closesAt }]],
    [{ _tag: "Defined", quotaId, limit, version: view.version(key) + 1 }],
  );
};

const issue = (view: Seen, at: number, input: Issue): Result => {
  const { data, grantId, quotaId, subject, until } = input;
  const quota = quotaOf(view, quotaId);
  if (quota === undefined) return reject({ _tag: "UnknownQuota", quotaId });
  const { closesAt, issued, limit, live, opensAt } = quota;
  if (at < opensAt || (closesAt !== null && at >= closesAt)) return reject({ _tag: "NotOpen", opensAt, closesAt });
  const held = holderOf(view, quotaId, subject);
  if (held !== null) return reject({ _tag: "AlreadyHas", ...held });
  if (limit !== null && live >= limit)
    return reject({ _tag: "SoldOut", limit, version: view.version(quotaKey(quotaId)) });
  const serial = issued + 1;
  const grant: Grant = {
    _tag: "Grant",
    grantId,
    quotaId,
    subject,
    serial,
    revoked: false,
    claim: null,
    issuedAt: at,
    until,
    data,
  };
  return accept<Key, State, Output>(
    [
      [quotaKey(quotaId), { ...quota, issued: serial, live: live + 1 }],
      [grantKey(grantId), grant],
      [holderKey(quotaId, subject), { _tag: "Holder", grant: { grantId, serial } }],
    ],
    [{ _tag: "Issued", grantId, serial }],
  );
};

/** Why a live grant is not this one's to move: it is gone, or somebody else has claimed it. */
const refusalOf = ({ claim, revoked }: Grant, by: string | null): Rejection | undefined => {
  if (revoked) return { _tag: "AlreadyRevoked" };
  return claim === null || claim.by === by ? undefined : { _tag: "AlreadyClaimed", by: claim.by };
};

const revoke = (view: Seen, quotaId: string, grantId: string): Result => {
  const quota = quotaOf(view, quotaId);
  const grant = grantOf(view, grantId);
  if (quota === undefined) return reject({ _tag: "UnknownQuota", quotaId });
  if (grant?.quotaId !== quotaId) return reject({ _tag: "UnknownGrant", grantId });
  const refusal = refusalOf(grant, null);
  if (refusal !== undefined) return reject(refusal);
  const key = quotaKey(quotaId);
  return accept<Key, State, Output>(
    [
      [key, { ...quota, live: quota.live - 1 }],
      [grantKey(grantId), { ...grant, revoked: true }],
      [holderKey(quotaId, grant.subject), { _tag: "Holder", grant: null }],
    ],
    [{ _tag: "Revoked", grantId, version: view.version(key) + 1 }],
  );
};

const claim = (view: Seen, at: number, grantId: string, by: string): Result => {
  const grant = grantOf(view, grantId);
  if (grant === undefined) return reject({ _tag: "UnknownGrant", grantId });
  const refusal = refusalOf(grant, by);
  if (refusal !== undefined) return reject(refusal);
  if (grant.claim !== null) return accept([], [{ _tag: "Claimed", grant }]);
  if (grant.until !== null && at >= grant.until) return reject({ _tag: "Expired", until: grant.until });
  const claimed: Grant = { ...grant, claim: { by, at } };
  return accept([[grantKey(grantId), claimed]], [{ _tag: "Claimed", grant: claimed }]);
};

/** Whoever did not claim it has nothing to give back, and that is no error: an undo may come first, twice, or too late. */
const release = (view: Seen, grantId: string, by: string): Result => {
  const grant = grantOf(view, grantId);
  const released: Output = { _tag: "Released", grantId };
  return grant?.claim?.by === by
    ? accept([[grantKey(grantId), { ...grant, claim: null }]], [released])
    : accept([], [released]);
};

const change = (view: Seen, quotaId: string, change: (quota: Quota) => Partial<Terms>): Result => {
  const quota = quotaOf(view, quotaId);
  return quota === undefined ? reject({ _tag: "UnknownQuota", quotaId }) : define(view, { ...quota, ...change(quota) });
};

export const machine: Machine<Key, State, Input, Output, Rejection> = {
  name: "quota",
  creates: (input) => (input._tag === "Issue" ? [holderKey(input.quotaId, input.subject)] : []),
  keys: (input) => {
    switch (input._tag) {
      case "Issue":
        return [quotaKey(input.quotaId), holderKey(input.quotaId, input.subject)];
      case "Revoke":
        return [quotaKey(input.quotaId), grantKey(input.grantId)];
      case "Claim":
      case "Release":
        return [grantKey(input.grantId)];
      default:
        return [quotaKey(input.quotaId)];
    }
  },
  more: (view, input) => {
    const grant = input._tag === "Revoke" ? grantOf(view, input.grantId) : undefined;
    return grant === undefined ? [] : [holderKey(grant.quotaId, grant.subject)];
  },
  decide: (view, { at, input }) => {
    switch (input._tag) {
      case "Define":
        return define(view, input);
      case "Raise":
        return change(view, input.quotaId, () => ({ limit: input.limit }));
      case "Close":
        return change(view, input.quotaId, ({ closesAt }) => ({ closesAt: Math.min(at, closesAt ?? at) }));
      case "Issue":
        return issue(view, at, input);
      case "Revoke":
        return revoke(view, input.quotaId, input.grantId);
      case "Claim":
        return claim(view, at, input.grantId, input.by);
      case "Release":
        return release(view, input.grantId, input.by);
    }
  },
};
