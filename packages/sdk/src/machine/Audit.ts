/**
 * What an audit says: how much it examined, and what it found wrong.
 *
 * An invariant is audited from evidence that is stored; `checked` is the number of rows or entities that were looked at,
 * and 0 of them is a failure, because nothing was proved.
 */

/** One thing that breaks an invariant. */
export interface Violation {
  readonly id: string;
  readonly what: string;
}

export interface Finding {
  /** Such as `I1`; see docs/invariants.md. */
  readonly id: string;
  readonly checked: number;
  readonly violations: ReadonlyArray<Violation>;
}

/** How many violations a finding names. */
export const maxNamedViolations = 20;

/** Several findings of one invariant as one. */
export const merge = (id: string, findings: ReadonlyArray<Finding>): Finding => ({
  id,
  checked: findings.reduce((sum, finding) => sum + finding.checked, 0),
  violations: findings.flatMap((finding) => finding.violations).slice(0, maxNamedViolations),
});
