/** The invariants in a few words, for tables; docs/invariants.md says what each proves and from what. */
import type { VerifyResult } from "@destiny/services/audit";
import { oneLine, table } from "./table.ts";

type Invariants = VerifyResult["invariants"];

const words: Readonly<Record<string, string>> = {
  I1: "no unit is sold twice",
  I2: "whoever was told sold out could not have had it",
  I3: "no coupon too many, one a user, spent once",
  I4: "one captured payment an order at most",
  I5: "money: order, gateway and shopper agree",
  I6: "units are conserved",
  I7: "no saga stands still",
  I8: "every message published, applied once",
  I9: "messages of a key in order",
  I10: "nothing is left of what failed or was cancelled",
  I11: "late payments are given back in time",
};

export const invariantTable = (invariants: Invariants, mark: (ok: boolean) => string): string =>
  table(
    ["INVARIANT", "", "CHECKED", "RESULT"],
    invariants.map(({ checked, id, ok }) => [id, words[id] ?? "", checked, mark(ok && checked > 0)]),
  );

/** Not a violation, and no proof either: the audit found nothing of the kind to look at. */
export const unprovedLines = (invariants: Invariants): ReadonlyArray<string> =>
  invariants.filter(({ checked }) => checked === 0).map(({ id }) => `${id} proved nothing: there was nothing to check`);

export const violationLines = (invariants: Invariants, max = Infinity): ReadonlyArray<string> =>
  invariants.flatMap(({ id, violations }) =>
    violations.slice(0, max).map((one) => `${id} ${one.id}: ${oneLine(one.what)}`),
  );
