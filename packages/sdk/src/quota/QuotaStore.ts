/** Where quotas and grants live: PostgreSQL, or this process. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { Versioned } from "../machine/Machine.ts";
import {
  type Change,
  changedRows,
  type Guard,
  type MachineStore,
  makeMemory as makeMemoryStore,
  type Read,
  stateGuard,
  stateWrites,
  type Write,
} from "../machine/MachineStore.ts";
import * as Bulk from "../sql/Bulk.ts";
import {
  type Grant,
  grantKey,
  holderKey,
  type Input,
  type Key,
  type Output,
  type Quota,
  quotaKey,
  type Rejection,
  type State,
} from "./QuotaMachine.ts";
import {
  type GrantRow,
  grantRow,
  grantState,
  grantTable,
  type QuotaRow,
  quotaRow,
  quotaState,
  quotaTable,
} from "./QuotaRows.ts";

export type QuotaStore = MachineStore<Key, State, Input, Output, Rejection>;
type States = ReadonlyMap<Key, Versioned<State>>;
type Changes = ReadonlyMap<Key, Change<State>>;

const idsOf = (keys: ReadonlyArray<Key>, kind: string): ReadonlyArray<string> =>
  keys.filter((key) => key.startsWith(kind)).map((key) => key.slice(kind.length));

/** The live grants of holders. Lateral: without statistics, as in a rush on a new quota, a plain join reads every grant. */
const liveGrants = (sql: SqlClient, keys: ReadonlyArray<Key>) => {
  const holders = idsOf(keys, "holder/").map((id) => {
    const slash = id.indexOf("/");
    return { quota_id: id.slice(0, slash), subject: id.slice(slash + 1) };
  });
  return sql`${Bulk.rows(sql, "x", { quota_id: "text", subject: "text" }, holders)}
    CROSS JOIN LATERAL (SELECT * FROM quota_grant g
      WHERE g.quota_id = x.quota_id AND g.subject = x.subject AND NOT g.revoked LIMIT 1) g`;
};

/**
 * Quotas before grants, everywhere. A holder is looked up under the lock of its quota, without one of its own: whoever
 * makes or revokes a grant names the quota too, and a claim changes nobody's holding.
 */
export const load = (sql: SqlClient): ((keys: ReadonlyArray<Key>) => Read<States>) => {
  const loadQuotas = (ids: ReadonlyArray<string>) =>
    sql<QuotaRow>`SELECT * FROM quota WHERE id = ${Bulk.any(sql, "text", ids)} ORDER BY id FOR NO KEY UPDATE`;
  const loadGrants = (ids: ReadonlyArray<string>) =>
    sql<GrantRow>`SELECT * FROM quota_grant WHERE id = ${Bulk.any(sql, "text", ids)} ORDER BY id FOR NO KEY UPDATE`;
  const loadHolders = (holders: ReadonlyArray<Key>) =>
    sql<Pick<GrantRow, "id" | "version" | "quota_id" | "subject" | "serial">>`
      SELECT g.id, g.version, g.quota_id, g.subject, g.serial FROM ${liveGrants(sql, holders)}`;

  return Effect.fnUntraced(function* (keys) {
    const quotas = idsOf(keys, "quota/");
    const grants = idsOf(keys, "grant/");
    const holders = keys.filter((key) => key.startsWith("holder/"));
    const states = new Map<Key, Versioned<State>>();
    for (const row of quotas.length === 0 ? [] : yield* loadQuotas(quotas)) {
      states.set(quotaKey(row.id), { version: row.version, state: quotaState(row) });
    }
    for (const row of grants.length === 0 ? [] : yield* loadGrants(grants)) {
      states.set(grantKey(row.id), { version: row.version, state: grantState(row) });
    }
    for (const row of holders.length === 0 ? [] : yield* loadHolders(holders)) {
      const grant = { grantId: row.id, serial: row.serial };
      states.set(holderKey(row.quota_id, row.subject), { version: row.version, state: { _tag: "Holder", grant } });
    }
    return states;
  });
};

/** The writes of changed quotas and grants; a holder is the grant's own row. */
export const writes = (sql: SqlClient, changes: Changes): ReadonlyArray<Write> => {
  const quotas = new Map<Key, Change<Quota>>();
  const grants = new Map<Key, Change<Grant>>();
  for (const [key, change] of changes) {
    const { _tag } = change.after.state;
    if (_tag === "Quota") quotas.set(key, change as Change<Quota>);
    else if (_tag === "Grant") grants.set(key, change as Change<Grant>);
  }
  return [
    ...stateWrites(sql, quotaTable, changedRows(quotas, quotaRow)),
    ...stateWrites(sql, grantTable, changedRows(grants, grantRow)),
  ];
};

/**
 * Quotas and grants by their version, in the order of `load`. A holder has none that says who it is, so a group passes only
 * when none of its subjects has a live grant; whoever has one is read under the lock. The quota's own version covers what
 * is granted meanwhile.
 */
export const guard = (sql: SqlClient, versions: ReadonlyMap<Key, number>): ReadonlyArray<Guard> => {
  const of = (kind: string) =>
    new Map(
      [...versions].flatMap(([key, version]) =>
        key.startsWith(kind) ? [[key.slice(kind.length), version] as const] : [],
      ),
    );
  const [quotas, grants] = [of("quota/"), of("grant/")];
  const holders = [...versions.keys()].filter((key) => key.startsWith("holder/"));
  return [
    ...(quotas.size === 0 ? [] : [stateGuard(sql, quotaTable, quotas)]),
    ...(grants.size === 0 ? [] : [stateGuard(sql, grantTable, grants)]),
    ...(holders.length === 0
      ? []
      : [{ name: "holders_guarded", statement: sql`SELECT false AS ok FROM ${liveGrants(sql, holders)}`, rows: 0 }]),
  ];
};

export const make = (sql: SqlClient): QuotaStore => ({
  load: load(sql),
  write: ({ changes }) => writes(sql, changes),
  guard: (versions) => guard(sql, versions),
});

/** In this process; for tests and simulations. */
export const makeMemory = (): QuotaStore => makeMemoryStore();

/** What is true of a quota now, for whoever answers in its place for a while. */
export interface Survey {
  readonly version: number;
  /** 0 when there is none; then the quota is never exhausted. */
  readonly limit: number;
  /** Open, and without a grant left. */
  readonly exhausted: boolean;
  /** Who has which live grant. Null: nothing is exhausted, or nothing has changed since the version that is known. */
  readonly holders: ReadonlyArray<readonly [subject: string, grantId: string, serial: number]> | null;
}

/**
 * Reads one quota without a lock, in one snapshot; undefined when there is none. `known` is the version whose holders the
 * asker has already. A quota with more than `maxHolders` is never called exhausted.
 */
export const survey = (sql: SqlClient, quotaId: string, asked: { now: number; known: number; maxHolders: number }) =>
  Effect.map(
    sql<Survey>`
      SELECT q.version, q.max_live AS limit, q.exhausted, CASE WHEN q.exhausted AND q.version <> ${asked.known}::int
        THEN (SELECT coalesce(json_agg(json_build_array(subject, id, serial)), '[]')
          FROM quota_grant WHERE quota_id = ${quotaId} AND NOT revoked) END AS holders
      FROM (SELECT version, coalesce(max_live, 0) AS max_live, coalesce(live >= max_live, false)
          AND live <= ${asked.maxHolders}::int AND opens_at <= t.now AND t.now < coalesce(closes_at, 'infinity') AS exhausted
        FROM quota, (SELECT ${new Date(asked.now)}::timestamptz AS now) t WHERE id = ${quotaId}) q`,
    (rows) => rows[0],
  );
