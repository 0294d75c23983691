/**
 * What an audit of the whole shop takes and gives. See docs/invariants.md for what each invariant says.
 */
import type { Audit } from "@destiny/sdk/machine";
import type * as Redacted from "effect/Redacted";

export interface VerifyOptions {
  /** Server of the service databases, `postgres://user:password@host:port/`. */
  readonly databaseUrl: Redacted.Redacted;
  /** Folder of the simulators' capture files (`toss.ndjson`); undefined: the gateways' side cannot be compared. */
  readonly capturesFolder?: string | undefined;
  /** The shoppers' own ledger of a run (`ledger.ndjson`). */
  readonly shopperLedger?: string | undefined;
  /** How long to wait for quiescence. */
  readonly maxWaitMillis: number;
}

export interface VerifyResult {
  readonly ok: boolean;
  /** No arrivals, outboxes empty, lag 0, sagas terminal. */
  readonly quiescent: boolean;
  /** From the start of the wait until everything was quiet; null: the bound was reached. */
  readonly quietAfterMillis: number | null;
  readonly invariants: ReadonlyArray<Audit.Finding & { readonly ok: boolean }>;
}
