/**
 * What a coupon takes off, to the won.
 *
 * Guarantee: 0 <= discount <= amount; the parts of the lines add up to the discount exactly, and none is negative or more
 * than its line costs. Shares that do not come out even are rounded down, and the won that are left over go to the lines
 * that lost most by it, earlier lines first among equals. Rejected: rounding each line by itself, which loses or invents
 * won, and giving the whole rest to one line, which may cost less than that.
 */
import { type Discount, type DiscountTerms, type PricedLine, type ProductId, Won } from "../contracts/index.ts";

export const amountOf = (lines: ReadonlyArray<PricedLine>): number =>
  lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);

/** Won off an amount. A rate is rounded down: the customer never gets more than was promised. */
export const discountOn = (amount: number, terms: DiscountTerms): number => {
  const { discountType, discountValue, maxDiscountAmount } = terms;
  const promised = discountType === "FIXED" ? discountValue : Math.floor((amount * discountValue) / 100);
  return Math.min(promised, maxDiscountAmount ?? promised, amount);
};

/** Parts of `discount` in proportion to the amounts, by the largest remainder. `discount` is at most their sum. */
export const allocate = (discount: number, amounts: ReadonlyArray<number>): ReadonlyArray<number> => {
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  if (discount === 0 || total === 0) return amounts.map(() => 0);
  // A product of two amounts of won is beyond the integers of a double.
  const shares = amounts.map((amount, index) => {
    const exact = BigInt(discount) * BigInt(amount);
    return { index, part: Number(exact / BigInt(total)), remainder: exact % BigInt(total) };
  });
  const left = discount - shares.reduce((sum, { part }) => sum + part, 0);
  const byLoss = shares.toSorted((a, b) => Number(b.remainder > a.remainder) - Number(b.remainder < a.remainder));
  const lucky = new Set(byLoss.slice(0, left).map(({ index }) => index));
  return shares.map(({ index, part }) => part + (lucky.has(index) ? 1 : 0));
};

/** The discount on an order, line by line. */
export const discountOf = (lines: ReadonlyArray<PricedLine>, terms: DiscountTerms): Discount => {
  const discount = discountOn(amountOf(lines), terms);
  const parts = allocate(
    discount,
    lines.map((line) => amountOf([line])),
  );
  const ofLine = ({ productId }: { readonly productId: ProductId }, index: number) => ({
    productId,
    discount: Won.make(parts[index] ?? 0),
  });
  return { discount: Won.make(discount), lines: lines.map(ofLine) };
};
