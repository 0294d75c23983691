/** Notifications as a machine: facts become deliveries, deliveries become messages, brands say where they want them. */
import { Machine } from "@destiny/sdk/machine";
import * as Sending from "./Sending.ts";
import {
  type Answer,
  channelOf,
  deliveryKey,
  type InputOf,
  type Key,
  type NotificationInput,
  type Rejection,
  routeKey,
  routeOf,
  type Seen,
  type State,
  type Verdict,
} from "./State.ts";
import * as Telling from "./Telling.ts";

/** A brand as its own context tells it; a lower version comes too late. */
const brandTold = (view: Seen, input: InputOf<"BrandTold">): Verdict => {
  const route = routeOf(view, input.brandId);
  const noted: Answer = { _tag: "Noted" };
  if (route.brandVersion >= input.version) return Machine.accept([], [noted]);
  const { brandName, isRemoved, managerId, version: brandVersion } = input;
  return Machine.accept([[routeKey(route.id), { ...route, brandName, managerId, isRemoved, brandVersion }]], [noted]);
};

const setChannel = (view: Seen, { brandId, by, isActive, webhook }: InputOf<"SetChannel">): Verdict => {
  const route = routeOf(view, brandId);
  if (route.brandVersion === 0 || route.isRemoved) return Machine.reject({ _tag: "NotFound" });
  if (by !== null && by !== route.managerId) return Machine.reject({ _tag: "NotManager" });
  // Whatever was said of the old webhook does not hold for this one.
  const fresh = { disabledBy: null, notBefore: 0, failures: 0 };
  const next = { ...route, ...(webhook === route.webhook ? {} : fresh), webhook, isActive, disabledBy: null };
  return Machine.accept([[routeKey(brandId), next]], [{ _tag: "Channel", channel: channelOf(brandId, next) }]);
};

export const machine: Machine.Machine<Key, State, NotificationInput, Answer, Rejection> = {
  name: "notification",
  keys: (input): ReadonlyArray<Key> => {
    switch (input._tag) {
      case "BrandTold":
      case "SetChannel":
        return [routeKey(input.brandId)];
      case "Claim":
      case "Settle":
        return [routeKey(input.route), ...input.deliveryIds.map(deliveryKey)];
      default:
        return Telling.keys(input);
    }
  },
  more: Telling.more,
  creates: (input) =>
    input._tag === "Claim" || input._tag === "Settle" || input._tag === "BrandTold" || input._tag === "SetChannel"
      ? []
      : Telling.keys(input).filter((key) => key.startsWith("delivery/")),
  decide: (view, { at, input }): Verdict => {
    switch (input._tag) {
      case "BrandTold":
        return brandTold(view, input);
      case "SetChannel":
        return setChannel(view, input);
      case "Completed":
        return Telling.completed(view, at, input);
      case "Canceled":
        return Telling.canceled(view, at, input);
      case "CancelRequested":
        return Telling.cancelRequested(view, at, input);
      case "Failed":
        return Telling.failed(view, at, input);
      case "CancelFailed":
        return Telling.cancelFailed(view, at, input);
      case "Posted":
        return Telling.posted(view, at, input);
      case "Claim":
        return Sending.claim(view, at, input);
      case "Settle":
        return Sending.settle(view, at, input);
    }
  },
};
