/**
 * Puts a run's pieces together and judges them. Pure, so that the verdict's rules are tested without a shop.
 *
 * Guarantee: nothing passes for want of evidence: a fault that was not carried out to the end, a database that may forget,
 * or a shop that never came to rest is a FAIL with a remark that says so.
 */
import type { PaymentFigures } from "@destiny/services/payment/figures";
import type { VerifyResult } from "@destiny/services/audit";
import { type Fault, type Samples, type Scenario, type Summary, Thresholds } from "@destiny/testkit/scenario";
import { exitCodes } from "../CliError.ts";
import { type RunReport, type Threshold, verdictOf } from "../RunReport.ts";
import type * as Usage from "./Usage.ts";

/** A fault as it was carried out; `recoveredMs` is null when it was not, or when nobody was seen to recover from it. */
export interface CarriedOut {
  readonly kind: Fault["kind"];
  /** The service, or the gateway. */
  readonly target: string;
  readonly injectedAt: number;
  readonly recoveredMs: number | null;
  readonly settleSeconds: number;
}

export interface Pieces {
  readonly scenario: Pick<Scenario, "name" | "thresholds" | "faults" | "proves">;
  readonly profile: RunReport["profile"];
  readonly durability: RunReport["durability"];
  readonly summary: Summary.Summary;
  readonly samples: Samples.Samples;
  readonly faults: ReadonlyArray<CarriedOut>;
  readonly payments: PaymentFigures;
  readonly usage: Usage.Usage;
  /** When the audit began to wait for quiet, epoch milliseconds. */
  readonly auditedAt: number;
  readonly audited: VerifyResult;
  readonly timings: Thresholds.Timings;
}

const maxExamples = 5;

const recovered = (expected: number, done: number): ReadonlyArray<Threshold> =>
  expected === 0
    ? []
    : [
        {
          name: "faults recovered from, at least",
          ok: done >= expected,
          value: done,
          limit: expected,
          unit: "faults",
        },
      ];

/** An arrival that the load itself did not start in time says nothing of the shop. */
const late = ({ droppedBecause }: Summary.Summary): ReadonlyArray<string> =>
  droppedBecause.late === 0
    ? []
    : [`${droppedBecause.late} arrivals came too late for the load process: this machine was too busy`];

/** What a reader of a FAIL wants to know first; empty after a clean run. */
const remarksOf = ({ audited, durability, faults, summary }: Pieces): ReadonlyArray<string> => [
  ...(summary.interrupted ? ["the load was stopped before every arrival was tried"] : []),
  ...late(summary),
  ...audited.moving.map((what) => `still moving when the wait was over: ${what}`),
  ...faults.filter(({ recoveredMs }) => recoveredMs === null).map(({ target }) => `${target} never recovered`),
  ...Object.entries(durability)
    .filter(([, setting]) => setting !== "on")
    .map(([name, setting]) => `the database may forget: ${name} is ${setting}`),
  ...summary.unexpected
    .slice(0, maxExamples)
    .map(({ detail, route, shopper, status }) => `shopper ${shopper}: ${route} answered ${status} ${detail}`.trim()),
  ...summary.journeyFailures.examples.slice(0, maxExamples).map((example) => `a journey failed: ${example}`),
];

const numberOf = ({ id }: { readonly id: string }): number => Number(id.slice(1));

/** What the audit found, and a proof of nothing for each invariant that the scenario should have put to the test. */
const invariantsOf = ({ audited, scenario }: Pieces): RunReport["invariants"] => {
  const examined = new Set(audited.invariants.map(({ id }) => id));
  const absent = (scenario.proves ?? []).filter((id) => !examined.has(id));
  const nothing = absent.map((id) => ({ id, ok: false, checked: 0, violations: [] }));
  return [...audited.invariants, ...nothing].sort((a, b) => numberOf(a) - numberOf(b));
};

export const assemble = (pieces: Pieces): RunReport => {
  const { audited, auditedAt, durability, faults, scenario, summary } = pieces;
  const evidence: Thresholds.Evidence = {
    summary,
    samples: pieces.samples,
    payments: pieces.payments,
    faults: faults.map(({ injectedAt, kind, recoveredMs, settleSeconds }) => ({
      kind,
      injectedAt,
      recoveredAt: recoveredMs === null ? undefined : injectedAt + recoveredMs,
      settleSeconds,
    })),
  };
  const done = faults.filter(({ recoveredMs }) => recoveredMs !== null);
  const restarts = faults.flatMap(({ kind, recoveredMs, target }) =>
    recoveredMs === null || !Thresholds.isRestart({ kind }) ? [] : { service: target, recoveredMs },
  );
  const { p50Ms, p95Ms, p99Ms } = summary.saga;
  const facts = {
    run: summary.run,
    scenario: scenario.name,
    seed: summary.seed,
    profile: pieces.profile,
    durability,
    orders: summary.orders,
    coupons: summary.coupons,
    dropped: summary.dropped,
    drainedMs:
      audited.quietAfterMillis === null
        ? null
        : Math.round(auditedAt + audited.quietAfterMillis - summary.lastArrivalAt),
    http: Thresholds.http(evidence),
    saga: { p50Ms, p95Ms, p99Ms },
    payments: pieces.payments,
    restarts,
    ...pieces.usage,
    invariants: invariantsOf(pieces),
    thresholds: [
      ...Thresholds.evaluate(scenario, evidence, pieces.timings),
      ...recovered(scenario.faults.length, done.length),
    ],
    remarks: remarksOf(pieces),
  };
  return { verdict: verdictOf(facts), ...facts };
};

/** 0 exactly when the verdict is PASS; 4 when the shop never came to rest, 5 for everything else that does not hold. */
export const exitCode = ({ drainedMs, verdict }: Pick<RunReport, "drainedMs" | "verdict">): number =>
  verdict === "PASS" ? exitCodes.ok : drainedMs === null ? exitCodes.unhealthy : exitCodes.thresholds;
