/**
 * How a route is used: one message at a time, in Slack's pace, with everything that waits in it.
 *
 * Guarantee: a delivery is sent at least once or ends as `FAIL` with its reason; while Slack says when to come back, nothing
 * is sent on that route. What is under way is guarded by a lease, so a process that dies loses nothing, and two do not send the
 * same message unless one of them outlasts it.
 */
import { Machine } from "@destiny/sdk/machine";
import {
  admin,
  type Delivery,
  deliveryKey,
  type InputOf,
  isOpen,
  type Key,
  type Outcome,
  type Route,
  routeKey,
  routeOf,
  type Seen,
  type State,
  type Verdict,
} from "./State.ts";

/** Slack takes one message a second on a webhook. */
export const paceMillis = 1000;
export const maxAttempts = 8;
export const firstPauseMillis = 1000;
export const maxPauseMillis = 60_000;
/** After that nobody wants to read it any more. */
export const maxPendingMillis = 6 * 60 * 60 * 1000;
/** The shop's own webhook has nobody to fall back to: an operator has to mend it. */
export const adminPauseMillis = 60_000;

/** After this many failures in a row. */
export const pauseMillis = (failures: number): number =>
  Math.min(maxPauseMillis, firstPauseMillis * 2 ** Math.max(0, failures - 1));

type Change = readonly [Key, State];

const pending = (view: Seen, route: string, ids: ReadonlyArray<string>): ReadonlyArray<Delivery> =>
  ids.flatMap((id) => {
    const delivery = view.get(deliveryKey(id));
    return delivery?._tag === "Delivery" && delivery.status === "PENDING" && delivery.route === route ? [delivery] : [];
  });

const changed = (deliveries: ReadonlyArray<Delivery>, at: number, of: (one: Delivery) => Partial<Delivery>) =>
  deliveries.map((one): Change => [deliveryKey(one.id), { ...one, ...of(one), updatedAt: at }]);

const claimed = (changes: ReadonlyArray<Change>, deliveries: ReadonlyArray<Delivery>): Verdict =>
  Machine.accept(changes, [{ _tag: "Claimed", deliveryIds: deliveries.map(({ id }) => id) }]);

export const claim = (view: Seen, at: number, { deliveryIds, leaseMillis, route: id }: InputOf<"Claim">): Verdict => {
  const route = routeOf(view, id);
  if (route.notBefore > at) return claimed([], []);
  const waiting = pending(view, id, deliveryIds);
  // The webhook went after they were routed to it.
  if (id !== admin && !isOpen(route))
    return claimed(
      changed(waiting, at, () => ({ route: admin })),
      [],
    );
  const isOld = ({ createdAt }: Delivery) => at - createdAt >= maxPendingMillis;
  const expired = changed(waiting.filter(isOld), at, () => ({ status: "FAIL", errorCode: "expired" }));
  const fresh = waiting.filter((one) => !isOld(one));
  if (fresh.length === 0) return claimed(expired, []);
  return claimed([...expired, [routeKey(id), { ...route, notBefore: at + leaseMillis }]], fresh);
};

const after = (
  deliveries: ReadonlyArray<Delivery>,
  route: Route,
  at: number,
  outcome: Outcome,
): ReadonlyArray<Change> => {
  const withRoute = (next: Partial<Route>): Change => [routeKey(route.id), { ...route, ...next }];
  const failed = (error: string, code: number | null, pause: number): ReadonlyArray<Change> => [
    withRoute({ failures: route.failures + 1, notBefore: at + pause }),
    ...changed(deliveries, at, ({ attempts }) => ({
      attempts: attempts + 1,
      status: attempts + 1 >= maxAttempts ? "FAIL" : "PENDING",
      responseCode: code,
      errorCode: error,
    })),
  ];
  switch (outcome._tag) {
    case "Sent":
      return [
        withRoute({ failures: 0, notBefore: at + paceMillis }),
        ...changed(deliveries, at, ({ attempts }) => ({
          attempts: attempts + 1,
          status: "SUCCESS",
          responseCode: outcome.code,
          responseMessage: outcome.message,
          errorCode: null,
        })),
      ];
    case "Throttled":
      return [withRoute({ notBefore: at + outcome.afterMillis })];
    case "Retry":
      return failed(outcome.error, outcome.code, pauseMillis(route.failures + 1));
    case "Refused":
      return [
        withRoute({ notBefore: at + paceMillis }),
        ...changed(deliveries, at, ({ attempts }) => ({
          attempts: attempts + 1,
          status: "FAIL",
          responseCode: outcome.code,
          errorCode: outcome.error,
        })),
      ];
    case "Gone":
      if (route.id === admin) return failed(outcome.error, outcome.code, adminPauseMillis);
      return [
        withRoute({ disabledBy: outcome.error, failures: 0, notBefore: at }),
        ...changed(deliveries, at, ({ attempts }) => ({
          attempts: attempts + 1,
          route: admin,
          responseCode: outcome.code,
          errorCode: outcome.error,
        })),
      ];
  }
};

export const settle = (view: Seen, at: number, { deliveryIds, outcome, route: id }: InputOf<"Settle">): Verdict =>
  Machine.accept(after(pending(view, id, deliveryIds), routeOf(view, id), at, outcome), [{ _tag: "Noted" }]);
