/**
 * What a vendor's code proves: the vocabulary that the code tables of all vendors share, and its translation.
 *
 * Guarantee: a code that is in no table proves nothing, so it becomes `Unknown`, never `Declined`.
 */
import * as Effect from "effect/Effect";
import { type CancelOutcome, type ConfirmOutcome, notSent, type Unknown, unknown } from "../PaymentGateway.ts";
import type { Refusal } from "./Calls.ts";

/**
 * - `hard`, `soft`: refused for good; with `soft` the buyer may try again, with another instrument or later.
 * - `configuration`: our key or contract is wrong; turned away before the payment was looked at.
 * - `throttled`: turned away before the payment was looked at.
 * - `busy`: the first request of this idempotency key is still running; its answer will come under the same key.
 * - `doubt`: the payment may have been approved, now or before.
 * - `trouble`: `doubt`, and the gateway says that it is not well.
 */
export type ConfirmMeaning = "hard" | "soft" | "configuration" | "throttled" | "busy" | "doubt" | "trouble";

/**
 * - `settled`: nothing may be left to cancel; a look at the balance decides.
 * - `refused`: will not be done, also not later.
 */
export type CancelMeaning = "settled" | "refused" | "configuration" | "throttled" | "busy" | "doubt" | "trouble";

export type Codes<Meaning> = ReadonlyMap<string, Meaning>;

/** Turns a table of words into the meaning of each. */
export const codes = <Meaning extends string>(table: Readonly<Record<Meaning, string>>): Codes<Meaning> =>
  new Map(
    (Object.keys(table) as Array<Meaning>).flatMap((meaning) =>
      table[meaning]
        .split(/\s+/)
        .filter((code) => code !== "")
        .map((code): [string, Meaning] => [code, meaning]),
    ),
  );

const meaningOf = <Meaning extends string>(table: Codes<Meaning>, { code, status }: Refusal): Meaning | "throttled" =>
  status === 429 ? "throttled" : (table.get(code) ?? ("doubt" as Meaning));

/** The vendor's own answer, from which nothing follows. */
const inDoubt = ({ code, status }: Refusal, meaning: string): Unknown => {
  if (meaning === "busy") return { ...unknown(code), technical: false };
  return meaning === "trouble" || status >= 500 ? { ...unknown(code, true), technical: true } : unknown(code, true);
};

/** What a refused confirm proves. */
export const ofConfirm = (table: Codes<ConfirmMeaning>, refusal: Refusal): ConfirmOutcome => {
  const { code, message } = refusal;
  const meaning = meaningOf(table, refusal);
  switch (meaning) {
    case "hard":
    case "soft":
      return { _tag: "Declined", kind: meaning, code, message };
    case "configuration":
      return notSent("configuration");
    case "throttled":
      return notSent("rate-limited");
    default:
      return inDoubt(refusal, meaning);
  }
};

/** What a refused cancel proves. `left` asks how many won are still to give back; undefined when that is not known. */
export const ofCancel = (
  table: Codes<CancelMeaning>,
  refusal: Refusal,
  left: Effect.Effect<number | undefined>,
): Effect.Effect<CancelOutcome> => {
  const { code, message } = refusal;
  const meaning = meaningOf(table, refusal);
  switch (meaning) {
    case "settled":
      return Effect.map(left, (amount): CancelOutcome => {
        if (amount === undefined) return unknown(code, true);
        return amount === 0 ? { _tag: "AlreadyCancelled" } : { _tag: "Refused", code, message };
      });
    case "refused":
      return Effect.succeed({ _tag: "Refused", code, message });
    case "configuration":
      return Effect.succeed(notSent("configuration"));
    case "throttled":
      return Effect.succeed(notSent("rate-limited"));
    default:
      return Effect.succeed(inDoubt(refusal, meaning));
  }
};
