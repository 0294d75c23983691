/**
 * Chooses the gateway that a buyer is sent to, before the buyer authenticates: a pure function that says why.
 *
 * Guarantee: the same question gets the same answer. A gateway is never chosen that was tried before, does not take the
 * method, has no weight, or whose breaker is open: for confirms, or for inquiries, because an outcome that nobody can ask
 * for would hold the order. If none is left the answer is none, and the explanation says what is wrong with each.
 *
 * Limits: a gateway that is being probed gets `probeShare` of its weight, which is more of the traffic when no other is well.
 */
import * as Schema from "effect/Schema";
import { defaultLimits } from "./GatewayBreaker.ts";
import type { Snapshot } from "./GatewayHealth.ts";

export interface Candidate {
  readonly provider: string;
  /** Share of the traffic, relative to the others; 0 takes it out. */
  readonly weight: number;
  /** What it takes, in the port's words (`CARD`, `TRANSFER`); absent: everything. */
  readonly methods?: ReadonlyArray<string> | undefined;
}

export interface Question {
  readonly candidates: ReadonlyArray<Candidate>;
  /** What the buyer wants to pay with; absent: not known yet. */
  readonly method?: string | undefined;
  readonly health: Snapshot;
  /** Gateways at which this order was tried before. */
  readonly tried: ReadonlyArray<string>;
  /** From 0 to below 1; see `drawOf`. */
  readonly draw: number;
  readonly probeShare?: number | undefined;
}

/** What the router thought of a gateway. */
export const Finding = Schema.Literals(["well", "probing", "open", "tried", "no such method", "no weight"]);
export type Finding = typeof Finding.Type;

/** Stored with the attempt: enough to make the choice again. */
export const Explanation = Schema.Struct({
  chosen: Schema.NullOr(Schema.String),
  method: Schema.NullOr(Schema.String),
  draw: Schema.Finite,
  considered: Schema.Array(
    Schema.Struct({
      provider: Schema.String,
      weight: Schema.Finite,
      finding: Finding,
      /** Of all draws, how many choose it; 0 unless it is well or being probed. */
      share: Schema.Finite,
    }),
  ),
});
export type Explanation = typeof Explanation.Type;

const findingOf = ({ methods, provider, weight }: Candidate, question: Question): Finding => {
  if (question.tried.includes(provider)) return "tried";
  if (question.method !== undefined && methods !== undefined && !methods.includes(question.method)) {
    return "no such method";
  }
  if (!(weight > 0) || !Number.isFinite(weight)) return "no weight";
  const { confirm, inquire } = question.health[provider] ?? {};
  const states = [confirm?.state, inquire?.state];
  if (states.includes("open")) return "open";
  return states.includes("half-open") ? "probing" : "well";
};

/** The choice and its reasons; `chosen` is null when no gateway can be used. The order of the candidates does not matter. */
export const choose = (question: Question): Explanation => {
  const probeShare = question.probeShare ?? defaultLimits.probeShare;
  const found = question.candidates
    .map((candidate) => {
      const finding = findingOf(candidate, question);
      const part = finding === "well" ? 1 : finding === "probing" ? probeShare : 0;
      return { ...candidate, finding, counted: part === 0 ? 0 : candidate.weight * part };
    })
    .toSorted((left, right) => (left.provider < right.provider ? -1 : 1));
  const total = found.reduce((sum, { counted }) => sum + counted, 0);
  let below = 0;
  let chosen: string | null = null;
  for (const { counted, provider } of found) {
    if (counted === 0) continue;
    // The last one that counts also gets what rounding leaves over.
    if (chosen === null || below <= question.draw * total) chosen = provider;
    below += counted;
  }
  return {
    chosen,
    method: question.method ?? null,
    draw: question.draw,
    considered: found.map(({ counted, finding, provider, weight }) => ({
      provider,
      weight,
      finding,
      share: total === 0 ? 0 : counted / total,
    })),
  };
};

/** A draw that belongs to a text, such as an order's id and the number of the try: no randomness to be remembered. */
export const drawOf = (text: string): number => {
  // FNV-1a, and a finish that spreads what texts that differ at their end only differ in.
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
};

/** One line for an operator. */
export const describe = ({ chosen, considered, method }: Explanation): string => {
  const each = considered.map(({ finding, provider, share }) => `${provider} ${finding} ${Math.round(share * 100)} %`);
  return `${chosen ?? "none"}${method === null ? "" : ` for ${method}`}: ${each.join(", ")}`;
};
