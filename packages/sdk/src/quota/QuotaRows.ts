/** Quotas and grants as rows. */
import type * as Schema from "effect/Schema";
import type { Versioned } from "../machine/Machine.ts";
import type { Grant, Quota } from "./QuotaMachine.ts";

export interface QuotaRow {
  readonly id: string;
  readonly version: number;
  readonly max_live: number | null;
  readonly issued: number;
  readonly live: number;
  readonly opens_at: Date;
  readonly closes_at: Date | null;
}

/** A row of `quota_grant` as it is read. */
export interface GrantRow {
  readonly id: string;
  readonly version: number;
  readonly quota_id: string;
  readonly serial: number;
  readonly subject: string;
  readonly revoked: boolean;
  readonly claimed_by: string | null;
  readonly claimed_at: Date | null;
  readonly issued_at: Date;
  readonly until: Date | null;
  readonly data: Schema.Json;
}

export const quotaState = (row: QuotaRow): Quota => ({
  _tag: "Quota",
  quotaId: row.id,
  limit: row.max_live,
  issued: row.issued,
  live: row.live,
  opensAt: row.opens_at.getTime(),
  closesAt: row.closes_at?.getTime() ?? null,
});

/** The grant of a row that somebody read beside the machine, such as a list. */
export const grantState = (row: GrantRow): Grant => ({
  _tag: "Grant",
  grantId: row.id,
  quotaId: row.quota_id,
  subject: row.subject,
  serial: row.serial,
  revoked: row.revoked,
  claim: row.claimed_by === null ? null : { by: row.claimed_by, at: row.claimed_at?.getTime() ?? 0 },
  issuedAt: row.issued_at.getTime(),
  until: row.until?.getTime() ?? null,
  data: row.data,
});

export const quotaTable = {
  name: "quota",
  key: ["id"],
  columns: {
    id: "text",
    version: "int4",
    max_live: "int4",
    issued: "int4",
    live: "int4",
    opens_at: "timestamptz",
    closes_at: "timestamptz",
  },
} as const;

export const quotaRow = ({ state, version }: Versioned<Quota>) => ({
  id: state.quotaId,
  version,
  max_live: state.limit,
  issued: state.issued,
  live: state.live,
  opens_at: state.opensAt,
  closes_at: state.closesAt,
});

export const grantTable = {
  name: "quota_grant",
  key: ["id"],
  columns: {
    id: "text",
    version: "int4",
    quota_id: "text",
    serial: "int4",
    subject: "text",
    revoked: "bool",
    claimed_by: "text",
    claimed_at: "timestamptz",
    issued_at: "timestamptz",
    until: "timestamptz",
    data: "jsonb",
  },
} as const;

export const grantRow = ({ state, version }: Versioned<Grant>) => ({
  id: state.grantId,
  version,
  quota_id: state.quotaId,
  serial: state.serial,
  subject: state.subject,
  revoked: state.revoked,
  claimed_by: state.claim?.by ?? null,
  claimed_at: state.claim?.at ?? null,
  issued_at: state.issuedAt,
  until: state.until,
  data: state.data,
});
