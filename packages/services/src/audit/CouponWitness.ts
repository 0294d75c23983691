/**
 * The shoppers of a run as witnesses of I3: neither they nor the rows have a coupon that the other side does not have.
 *
 * Both ways. Whoever was told to have a coupon has it, of the template that was asked for; and every coupon that was issued
 * while the run asked for its template went to somebody who asked, and who was told so. An ask that nobody answered says
 * nothing either way. A coupon of another time is somebody else's to explain.
 */
import { Audit } from "@destiny/sdk/machine";
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { ShopperCoupon } from "./Verify.ts";

const pageRows = 5000;

/** The shoppers' clock and the service's are those of one machine, but one of them counts fractions. */
const clockSlackMillis = 1;

type Asks = ReadonlyArray<ShopperCoupon>;

interface Grant {
  readonly id: string;
  readonly template: string;
  readonly owner: string;
}

const partyOf = (template: string, owner: string): string => `${template} ${owner}`;

/** Grants by id, page by page, as a query selects them after an id. */
const eachPage = Effect.fnUntraced(function* (
  query: (after: string) => Effect.Effect<ReadonlyArray<Grant>, SqlError>,
  look: (grant: Grant) => void,
) {
  for (let after = ""; ;) {
    const page = yield* query(after);
    page.forEach(look);
    const last = page.at(-1);
    if (last === undefined || page.length < pageRows) return;
    after = last.id;
  }
});

/** What is wrong with a coupon that was issued during the run, when something is. */
const unexplained = ({ id, owner }: Grant, asks: Asks): string | undefined => {
  if (asks.length === 0) return `issued to ${owner}, who did not ask for it`;
  if (asks.some(({ couponId, refusedWith }) => couponId === id || (couponId === null && refusedWith === null))) return;
  const told = asks.map(({ couponId, refusedWith }) => couponId ?? refusedWith);
  return `issued to ${owner}, who was told ${[...new Set(told)].join(" and ")}`;
};

/** What is wrong with what a shopper was told, when something is. */
const untrue = ({ templateId, userId }: ShopperCoupon, grant: Grant | undefined): string | undefined => {
  if (grant === undefined) return `${userId} was told to have it, but it was never issued`;
  if (grant.owner !== userId) return `${userId} was told to have it, but it is ${grant.owner}'s`;
  if (grant.template !== templateId) return `${userId} asked for ${templateId}, but it is of ${grant.template}`;
  return undefined;
};

export const audit = Effect.fnUntraced(function* (
  sql: SqlClient,
  asks: Asks,
): Effect.fn.Return<Audit.Finding, SqlError> {
  const violations: Array<Audit.Violation> = [];
  const note = (id: string, what: string | undefined): void => {
    if (what !== undefined && violations.length < Audit.maxNamedViolations) violations.push({ id, what });
  };

  for (const { couponId, otherCouponIds } of asks) {
    for (const other of otherCouponIds) note(other, `the same idempotency key was also answered with ${couponId}`);
  }

  const told = Map.groupBy(
    asks.filter(({ couponId }) => couponId !== null),
    ({ couponId }) => couponId ?? "",
  );
  const known = new Map<string, Grant>();
  const ids = [...told.keys()];
  yield* eachPage(
    (after) => sql<Grant>`SELECT id, quota_id AS template, subject AS owner FROM quota_grant
      WHERE id = ${Bulk.any(sql, "text", ids)} AND id > ${after} ORDER BY id LIMIT ${pageRows}`,
    (grant) => known.set(grant.id, grant),
  );
  for (const [id, of] of told) for (const ask of of) note(id, untrue(ask, known.get(id)));

  const byParty = Map.groupBy(asks, ({ templateId, userId }) => partyOf(templateId, userId));
  let issued = 0;
  for (const [template, own] of Map.groupBy(asks, ({ templateId }) => templateId)) {
    const from = own.reduce((first, { askedAt }) => Math.min(first, askedAt), Infinity) - clockSlackMillis;
    const to = own.reduce((last, { answeredAt, askedAt }) => Math.max(last, answeredAt ?? askedAt), from);
    yield* eachPage(
      (after) => sql<Grant>`SELECT id, quota_id AS template, subject AS owner FROM quota_grant
        WHERE quota_id = ${template} AND issued_at BETWEEN ${new Date(from)} AND ${new Date(to)}
          AND id > ${after} ORDER BY id LIMIT ${pageRows}`,
      (grant) => {
        issued += 1;
        note(grant.id, unexplained(grant, byParty.get(partyOf(grant.template, grant.owner)) ?? []));
      },
    );
  }
  return { id: "I3", checked: told.size + issued, violations };
});
