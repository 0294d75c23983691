/**
 * Slack's incoming webhooks on 127.0.0.1, with its limit of a message a second a webhook, and faults on demand.
 *
 * Guarantee: a message that was answered with `ok` is among `messages`; one whose answer was withheld by the fault plan may be.
 * Any address under `/services/` is a webhook until it is revoked. `GET /` shows what would have been posted.
 * Limits: `maxMessages` are kept, the oldest go first; nothing survives the process. Blocks and attachments are not looked at.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import type * as Faults from "./Faults.ts";
import * as Simulator from "./Simulator.ts";
import * as Server from "./SimulatorServer.ts";
import { field } from "./VendorApi.ts";

export interface SlackOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Messages a webhook takes at once; it takes one more every `leakMillis`. */
  readonly burst?: number;
  readonly leakMillis?: number;
  readonly maxMessages?: number;
  /** Epoch millis; default: the `Clock` the layer is built with. */
  readonly now?: () => number;
}

export interface SlackMessage {
  /** Dense from 1. */
  readonly sequence: number;
  /** The path of the webhook: the secret part of its address. */
  readonly hook: string;
  readonly text: string;
  readonly at: number;
}

export interface SlackSimulatorShape {
  readonly port: number;
  readonly url: string;
  readonly faults: Faults.Faults;
  readonly messages: () => ReadonlyArray<SlackMessage>;
  /** Requests that came, refused ones included. */
  readonly requests: () => number;
  /** The webhook answers `no_service` from now on. */
  readonly revoke: (hook: string) => void;
  readonly reset: () => void;
}

export class SlackSimulator extends Context.Service<SlackSimulator, SlackSimulatorShape>()(
  "@destiny/testkit/simulators/SlackSimulator",
) {}

/** The status of each error that Slack names; others are its own trouble. */
const statuses: Readonly<Record<string, number>> = {
  invalid_payload: 400,
  no_text: 400,
  too_many_attachments: 400,
  user_not_found: 400,
  action_prohibited: 403,
  invalid_token: 403,
  posting_to_general_channel_denied: 403,
  team_disabled: 403,
  channel_not_found: 404,
  no_service: 404,
  no_service_id: 404,
  no_active_hooks: 404,
  no_team: 404,
  channel_is_archived: 410,
  rate_limited: 429,
};

const text = (status: number, body: string, headers: Server.Headers = {}): Server.Answer => ({
  _tag: "Reply",
  status,
  body,
  headers: { "content-type": "text/plain;charset=UTF-8", ...headers },
});
const refuse = (code: string): Server.Answer => text(statuses[code] ?? 500, code);
const tooMany = (seconds: number): Server.Answer => text(429, "rate_limited", { "retry-after": String(seconds) });

const escape = (value: string): string =>
  value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const inbox = (messages: ReadonlyArray<SlackMessage>): string =>
  `<!doctype html><meta charset="utf-8"><title>Slack simulator</title><h1>${messages.length} messages</h1>${messages
    .toReversed()
    .map(
      ({ at, hook, text }) =>
        `<article><h2>${escape(hook)}</h2><time>${new Date(at).toISOString()}</time><pre>${escape(text)}</pre></article>`,
    )
    .join("")}`;

/** How full the bucket of each webhook was, and when. */
const limiter = (burst: number, leakMillis: number, now: () => number) => {
  const buckets = new Map<string, { readonly level: number; readonly at: number }>();
  /** Seconds to wait, or undefined when the message is taken. */
  const take = (hook: string): number | undefined => {
    const at = now();
    const bucket = buckets.get(hook);
    const level = bucket === undefined ? 0 : Math.max(0, bucket.level - (at - bucket.at) / leakMillis);
    if (level + 1 > burst) return Math.max(1, Math.ceil(((level + 1 - burst) * leakMillis) / 1000));
    buckets.set(hook, { level: level + 1, at });
    return undefined;
  };
  return { take, clear: () => buckets.clear() };
};

/** Starts the simulator in the scope. */
export const make = (options: SlackOptions): Effect.Effect<SlackSimulatorShape, Server.ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { burst = 4, leakMillis = 1000, maxMessages = 10_000 } = options;
    const clock = yield* Clock.Clock;
    const now = options.now ?? (() => clock.currentTimeMillisUnsafe());
    const limit = limiter(burst, leakMillis, now);
    const revoked = new Set<string>();
    let messages: Array<SlackMessage> = [];
    let sequence = 0;
    let requests = 0;
    let listening: Server.SimulatorServer | undefined;
    const faults = yield* Simulator.faultPlan(["post"], now, () => listening);

    const accept = (request: Server.SimulatorRequest): Server.Answer => {
      if (revoked.has(request.path)) return refuse("no_service");
      const waitSeconds = limit.take(request.path);
      if (waitSeconds !== undefined) return tooMany(waitSeconds);
      if (typeof request.body !== "object" || request.body === null) return refuse("invalid_payload");
      const message = field(request, "text");
      if (message === undefined || message === "") return refuse("no_text");
      messages.push({ sequence: ++sequence, hook: request.path, text: message, at: now() });
      if (messages.length > maxMessages) messages = messages.slice(-maxMessages);
      return text(200, "ok");
    };

    const post = (request: Server.SimulatorRequest): Server.Answer => {
      requests += 1;
      const { afterMillis, beforeMillis, fault } = faults.draw("post");
      switch (fault?.kind) {
        case "hang":
          return Server.hang;
        case "reset":
          return Server.reset;
        case "unavailable":
          return text(fault.status, "");
        case "tooManyRequests":
          return tooMany(fault.retryAfterSeconds);
        case "error":
          return Server.later(beforeMillis + afterMillis, () => refuse(fault.code));
        default:
      }
      return Server.later(beforeMillis, () => {
        const answer = accept(request);
        if (fault?.kind === "approveThenHang") return Server.hang;
        if (fault?.kind === "approveThenReset") return Server.reset;
        if (fault?.kind === "approveThenError") return refuse(fault.code);
        return Server.later(afterMillis, () => answer);
      });
    };

    const reset = () => {
      faults.clear();
      limit.clear();
      revoked.clear();
      messages = [];
      requests = 0;
    };

    listening = yield* Server.make({
      port: options.port,
      failure: (status) => text(status, status === 404 ? "no_service" : "rollup_error"),
      routes: [
        { method: "POST", path: "/services/:team/:bot/:secret", handle: post },
        Simulator.control("GET", "/", () => ({
          ...text(200, inbox(messages)),
          headers: { "content-type": "text/html;charset=UTF-8" },
        })),
        Simulator.control("GET", "/healthz", () =>
          Server.json(200, { status: "UP", simulator: "slack", messages: messages.length }),
        ),
        Simulator.control("GET", "/__sim/messages", (request) => Simulator.page(messages, request)),
        Simulator.control("DELETE", "/__sim/hooks/:team/:bot/:secret", ({ path }) => {
          revoked.add(path.replace("/__sim/hooks/", "/services/"));
          return Server.json(204, undefined);
        }),
        ...Simulator.faultRoutes(faults),
        Simulator.control("POST", "/__sim/reset", () => {
          reset();
          return Server.json(204, undefined);
        }),
      ],
    });
    const { port, url } = listening;
    return {
      port,
      url,
      faults,
      messages: () => messages,
      requests: () => requests,
      revoke: (hook) => void revoked.add(hook),
      reset,
    };
  });

/** A running simulator as a service, for tests: `Slack.layer({ port: 0 })`. */
export const layer = (options: SlackOptions): Layer.Layer<SlackSimulator, Server.ListenError> =>
  Layer.effect(SlackSimulator, make(options));
