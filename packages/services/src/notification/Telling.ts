/**
 * Who is told what: the facts of orders as deliveries.
 *
 * A brand is told its own share, as it was paid; who has no webhook is told through those who run the shop. Which brands an order was
 * sold under is remembered when it completes, so that they also hear of its cancellation, whenever that comes.
 */
import { Machine } from "@destiny/sdk/machine";
import { type BrandId, type NotificationKind, type OrderId, type PaidLine, Won } from "../contracts/index.ts";
import {
  admin,
  type Delivery,
  deliveryId,
  deliveryKey,
  type InputOf,
  isOpen,
  type Key,
  logOf,
  type NotificationInput,
  routeKey,
  routeOf,
  type Seen,
  type Sold,
  soldKey,
  type State,
  type Verdict,
} from "./State.ts";
import { quote, won } from "./Words.ts";

type Share = Sold["shares"][number];

const sharesOf = (lines: ReadonlyArray<PaidLine>): ReadonlyArray<Share> =>
  [...Map.groupBy(lines, ({ brandId }) => brandId)].map(([brandId, own]) => ({
    brandId,
    pieces: own.reduce((sum, { quantity }) => sum + quantity, 0),
    amount: Won.make(own.reduce((sum, { paid }) => sum + paid, 0)),
  }));

const soldOf = (view: Seen, orderId: OrderId): ReadonlyArray<Share> | undefined => {
  const sold = view.get(soldKey(orderId));
  return sold?._tag === "Sold" ? sold.shares : undefined;
};

const keysFor = (eventId: string, ...brandIds: ReadonlyArray<BrandId>): ReadonlyArray<Key> =>
  brandIds.flatMap((brandId) => [routeKey(brandId), deliveryKey(deliveryId(eventId, brandId))]);

/** Without the route: to whom the shop's own notifications go does not depend on how that is. */
const keysForAdmin = (eventId: string): ReadonlyArray<Key> => [deliveryKey(deliveryId(eventId, admin))];

const brandsOf = (shares: ReadonlyArray<Share>): ReadonlyArray<BrandId> => shares.map(({ brandId }) => brandId);

/** The states that a fact touches, as far as it tells itself. */
export const keys = (input: Exclude<NotificationInput, { _tag: "BrandTold" | "SetChannel" | "Claim" | "Settle" }>) => {
  switch (input._tag) {
    case "Completed":
    case "Canceled":
      return [soldKey(input.orderId), ...keysFor(input.eventId, ...brandsOf(sharesOf(input.lines)))];
    case "CancelRequested":
      return [soldKey(input.orderId), ...keysForAdmin(input.eventId)];
    case "Failed":
    case "CancelFailed":
      return keysForAdmin(input.eventId);
    case "Posted":
      return keysFor(input.eventId, input.brandId);
  }
};

/** A cancellation names no brand: the order that was sold does. */
export const more = (view: Seen, input: NotificationInput): ReadonlyArray<Key> =>
  input._tag === "CancelRequested" ? keysFor(input.eventId, ...brandsOf(soldOf(view, input.orderId) ?? [])) : [];

type Change = readonly [Key, State];

interface Note {
  readonly eventId: string;
  readonly kind: NotificationKind;
  readonly at: number;
}

const deliveryTo = (
  view: Seen,
  { at, eventId, kind }: Note,
  brandId: BrandId | null,
  words: (name: string) => string,
): Delivery => {
  const route = brandId === null ? undefined : routeOf(view, brandId);
  return {
    _tag: "Delivery",
    id: deliveryId(eventId, brandId ?? admin),
    brandId,
    route: route !== undefined && isOpen(route) ? route.id : admin,
    kind,
    // A webhook can post twice: whoever reads can tell by the id.
    text: `${words(quote(route?.brandName ?? brandId ?? admin))} (${eventId})`,
    status: "PENDING",
    attempts: 0,
    responseCode: null,
    responseMessage: null,
    errorCode: null,
    createdAt: at,
    updatedAt: at,
  };
};

/** What is recorded already stays as it is. */
const recorded = (view: Seen, deliveries: ReadonlyArray<Delivery>): ReadonlyArray<Change> =>
  deliveries.flatMap((delivery): ReadonlyArray<Change> => {
    const key = deliveryKey(delivery.id);
    return view.get(key) === undefined ? [[key, delivery]] : [];
  });

const noted = (changes: ReadonlyArray<Change>): Verdict => Machine.accept(changes, [{ _tag: "Noted" }]);

const toAdmin = (view: Seen, note: Note, text: string): Verdict =>
  noted(recorded(view, [deliveryTo(view, note, null, () => text)]));

const toBrands = (
  view: Seen,
  note: Note,
  shares: ReadonlyArray<Share>,
  words: (share: Share) => string,
): ReadonlyArray<Change> =>
  recorded(
    view,
    shares.map((share) => deliveryTo(view, note, share.brandId, (name) => `${name}: ${words(share)}`)),
  );

const shareText = ({ amount, pieces }: Share): string => `${pieces} pieces, ${won(amount)}`;

export const completed = (view: Seen, at: number, { eventId, lines, orderId }: InputOf<"Completed">): Verdict => {
  const shares = sharesOf(lines);
  const note: Note = { eventId, kind: "ORDER_COMPLETED", at };
  const sold: Sold = { _tag: "Sold", orderId, shares };
  return noted([
    ...(soldOf(view, orderId) === undefined ? [[soldKey(orderId), sold] as const] : []),
    ...toBrands(view, note, shares, (share) => `order ${orderId} is paid, ${shareText(share)}`),
  ]);
};

export const canceled = (view: Seen, at: number, { eventId, lines, orderId }: InputOf<"Canceled">): Verdict =>
  noted(
    toBrands(
      view,
      { eventId, kind: "ORDER_CANCELED", at },
      sharesOf(lines),
      (share) => `order ${orderId} is cancelled and paid back, ${shareText(share)}`,
    ),
  );

export const cancelRequested = (view: Seen, at: number, input: InputOf<"CancelRequested">): Verdict => {
  const { amount, eventId, orderId, reason } = input;
  const note: Note = { eventId, kind: "CANCEL_REQUESTED", at };
  const shares = soldOf(view, orderId);
  // Sold before anybody wrote down under which brands.
  if (shares === undefined) {
    return toAdmin(view, note, `cancelling order ${orderId}, ${won(amount)}, of unknown brands: ${quote(reason)}`);
  }
  return noted(
    toBrands(view, note, shares, (share) => `cancelling order ${orderId}, ${shareText(share)}: ${quote(reason)}`),
  );
};

export const failed = (view: Seen, at: number, input: InputOf<"Failed">): Verdict => {
  const { detail, eventId, orderId, reason } = input;
  return toAdmin(
    view,
    { eventId, kind: "ORDER_FAILED", at },
    `order ${orderId} failed, ${quote(reason)}: ${quote(detail)}`,
  );
};

export const cancelFailed = (view: Seen, at: number, { eventId, orderId, why }: InputOf<"CancelFailed">): Verdict =>
  toAdmin(view, { eventId, kind: "CANCEL_FAILED", at }, `order ${orderId} could not be cancelled: ${quote(why)}`);

export const posted = (view: Seen, at: number, { brandId, eventId, kind, text }: InputOf<"Posted">): Verdict => {
  const delivery = deliveryTo(view, { eventId, kind, at }, brandId, (name) => `${name}: ${text}`);
  return Machine.accept(recorded(view, [delivery]), [{ _tag: "Told", log: logOf(delivery) }]);
};
