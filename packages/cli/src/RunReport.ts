/** What `npm start -- --json` and `destiny scenario run --json` print. Names and meanings are fixed; fields may be added. */
import type { VerifyResult } from "@destiny/services/audit";
import type { PaymentFigures } from "@destiny/services/payment/figures";
import type { CouponCount, OrderCount } from "@destiny/testkit/scenario";

export interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export interface RouteFigures extends Percentiles {
  readonly count: number;
  /** Statuses outside the set that the journey allows at that point. */
  readonly errors: number;
}

export interface Threshold {
  readonly name: string;
  readonly ok: boolean;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
}

export interface Restarted {
  readonly service: string;
  /** From the kill until ready again and consuming. What never recovered is not in the list, but in a threshold. */
  readonly recoveredMs: number;
}

/** CPU time for one order, in milliseconds over all cores: what the plan's measured part used by the orders placed in it. */
export interface CpuPerOrder {
  readonly services: number;
  readonly postgres: number;
  readonly simulators: number;
  readonly supervisor: number;
  /** The load process, which is no part of the shop. */
  readonly load: number;
  /** All of them. */
  readonly total: number;
}

export interface RunReport {
  readonly verdict: "PASS" | "FAIL";
  readonly run: string;
  readonly scenario: string;
  readonly seed: number;
  readonly profile: "embedded" | "compose" | "external";
  /** Read from the server in use, never assumed. */
  readonly durability: { readonly fsync: string; readonly synchronousCommit: string };
  readonly orders: Readonly<Record<OrderCount, number>>;
  readonly coupons: Readonly<Record<CouponCount, number>>;
  readonly dropped: number;
  /** From the last arrival until every saga had ended and every queue was empty; null: the bound was reached. */
  readonly drainedMs: number | null;
  readonly http: Readonly<Record<string, RouteFigures>>;
  /** From sending the order to reading WAITING_PAYMENT, by the shopper's clock. */
  readonly saga: Percentiles;
  readonly payments: PaymentFigures;
  readonly restarts: ReadonlyArray<Restarted>;
  /** PSS at the peak: services, supervisor, PostgreSQL, simulators; the load process apart. */
  readonly memoryMb: number;
  /** Without warm-up and drain. null: too short to tell, a process was started again meanwhile, or the system does not say. */
  readonly cpuPerOrderMs: CpuPerOrder | null;
  readonly invariants: VerifyResult["invariants"];
  readonly thresholds: ReadonlyArray<Threshold>;
  /** In words, what a reader of a FAIL wants to know first; empty after a clean run. */
  readonly remarks: ReadonlyArray<string>;
}

/** Everything has to hold: every invariant with something checked, every threshold, durable writes, and the shop at rest. */
export const verdictOf = (
  report: Pick<RunReport, "invariants" | "thresholds" | "drainedMs" | "durability">,
): RunReport["verdict"] =>
  report.drainedMs !== null &&
  report.durability.fsync === "on" &&
  report.durability.synchronousCommit === "on" &&
  report.invariants.length > 0 &&
  report.invariants.every(({ checked, ok }) => ok && checked > 0) &&
  report.thresholds.every(({ ok }) => ok)
    ? "PASS"
    : "FAIL";
