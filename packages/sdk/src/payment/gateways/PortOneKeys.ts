/** How a payment at PortOne is named: the id that we chose, and the token that the buyer's authentication gave. */

/** The id under which the buyer's `no`-th try to pay an order is opened at the vendor. */
export const paymentId = (vendorOrderId: string, no: number): string => `${vendorOrderId}-${no}`;

/** What the checkout page hands in: the id that it opened, and the token that it got back. */
export const paymentKey = (id: string, token: string): string => `${id}:${token}`;

export interface Key {
  readonly id: string;
  readonly token: string;
}

/** The parts of a key, if it is one. */
export const keyOf = (key: string): Key | undefined => {
  const mark = key.indexOf(":");
  return mark < 1 || mark === key.length - 1 ? undefined : { id: key.slice(0, mark), token: key.slice(mark + 1) };
};

/** A try's number: whatever else a buyer may write there would become part of an address. */
const number = /^[1-9]\d{0,3}$/;

/** The key, if it belongs to a try of this order. */
export const keyFor = (key: string, vendorOrderId: string): Key | undefined => {
  const known = keyOf(key);
  if (known === undefined) return undefined;
  const mark = known.id.lastIndexOf("-");
  return known.id.slice(0, mark) === vendorOrderId && number.test(known.id.slice(mark + 1)) ? known : undefined;
};
