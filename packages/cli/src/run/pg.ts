/** `destiny pg …`: how the payment gateways are, where an order was sent, and trouble at the simulated vendors on request. */
import { type Gateway, OrderId, type PaymentRoute } from "@destiny/services/contracts";
import type { Faults } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import { simulatorUrl } from "../supervisor/Topology.ts";
import * as Operator from "./Operator.ts";
import { moment, table } from "./table.ts";

/** The simulated vendors, each with its word for a refused card. */
const vendors: Readonly<Record<string, { readonly decline: string }>> = {
  toss: { decline: "REJECT_CARD_PAYMENT" },
  portone: { decline: "PG_PROVIDER:REJECT_CARD_PAYMENT" },
  bootpay: { decline: "RC_CONFIRM_FAILED" },
};

export interface Trouble {
  readonly seconds: number;
  /** Of `latency`. */
  readonly millis: number;
}

type Rules = ReadonlyArray<Faults.FaultRule>;
type Scope = { readonly durationMillis: number };

/** What can go wrong, in the words of an operator. */
const kinds: Readonly<Record<string, (scope: Scope, decline: string, trouble: Trouble) => Rules>> = {
  outage: (scope) => [{ kind: "outage", ...scope }],
  latency: (scope, _, { millis }) => [{ kind: "latency", delay: { distribution: "fixed", millis }, ...scope }],
  hang: (scope) => [{ kind: "hang", ...scope }],
  reset: (scope) => [{ kind: "reset", ...scope }],
  "approve-then-hang": (scope) => [
    { kind: "approveThenHang", operations: ["confirm"], ...scope },
    { kind: "hang", operations: ["inquire"], ...scope },
  ],
  "approve-then-reset": (scope) => [
    { kind: "approveThenReset", operations: ["confirm"], ...scope },
    { kind: "reset", operations: ["inquire"], ...scope },
  ],
  decline: (scope, code) => [{ kind: "error", code, operations: ["confirm"], ...scope }],
  "rate-limit": (scope) => [{ kind: "tooManyRequests", retryAfterSeconds: 1, ...scope }],
  unavailable: (scope) => [{ kind: "unavailable", status: 503, ...scope }],
  none: () => [],
};

const chosen = <A>(
  word: string,
  known: Readonly<Record<string, A>>,
  code: string,
  what: string,
): Effect.Effect<A, CliError> => {
  const found = Object.hasOwn(known, word) ? known[word] : undefined;
  return found === undefined
    ? Effect.fail(
        new CliError({
          exit: "usage",
          code,
          message: `there is no ${what} "${word}"`,
          next: choices(word, Object.keys(known), `${what}s`),
        }),
      )
    : Effect.succeed(found);
};

const controlTimeoutMillis = 5000;

/** Replaces the fault plan of a simulated vendor; windows begin now. */
export const fault = Effect.fnUntraced(function* (
  instance: Instance,
  gateway: string,
  kind: string,
  trouble: Trouble,
): Effect.fn.Return<{ readonly gateway: string; readonly rules: Rules }, CliError> {
  const { decline } = yield* chosen(gateway, vendors, "UNKNOWN_GATEWAY", "gateway");
  const make = yield* chosen(kind, kinds, "UNKNOWN_FAULT", "fault");
  const rules = make({ durationMillis: trouble.seconds * 1000 }, decline, trouble);
  const refused = (message: string, cause?: unknown) =>
    new CliError({
      exit: "unhealthy",
      code: "SIMULATOR_UNREACHABLE",
      message,
      next: [
        `an outage also refuses those who steer it: wait until it is over`,
        `destiny status --instance ${instance.name}`,
      ],
      cause,
    });
  const answer = yield* Effect.tryPromise({
    try: (signal) =>
      fetch(`${simulatorUrl(instance, gateway)}/__sim/faults`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ rules }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(controlTimeoutMillis)]),
      }),
    catch: (cause) => refused(`the simulator of ${gateway} does not answer`, cause),
  });
  if (!answer.ok) return yield* Effect.fail(refused(`the simulator of ${gateway} answered ${answer.status}`));
  return { gateway, rules };
});

export const status = (instance: Instance) => Effect.flatMap(Operator.payments(instance), ({ gateways }) => gateways);

export const route = Effect.fnUntraced(function* (instance: Instance, text: string) {
  const orderId = Schema.decodeUnknownOption(OrderId)(text);
  if (Option.isNone(orderId)) {
    return yield* Effect.fail(
      new CliError({
        exit: "usage",
        code: "NO_ORDER_ID",
        message: `"${text}" is not the id of an order`,
        next: [`destiny saga list --instance ${instance.name} names orders`],
      }),
    );
  }
  const { route: ask } = yield* Operator.payments(instance);
  return yield* ask(orderId.value);
});

const breaker = (seen: Gateway["confirm"]): string => {
  if (seen === null) return "not called";
  const until = seen.until === null ? "" : ` until ${moment(seen.until)}`;
  return `${seen.state}${until} (${seen.failed} of ${seen.calls} failed)`;
};

export const renderStatus = (gateways: ReadonlyArray<Gateway>): string =>
  table(
    ["GATEWAY", "WEIGHT", "CONFIRM", "INQUIRE", "CANCEL"],
    gateways.map(({ cancel, confirm, inquire, provider, weight }) => [
      provider,
      weight,
      breaker(confirm),
      breaker(inquire),
      breaker(cancel),
    ]),
  );

const optional = (at: number | null): string => (at === null ? "-" : moment(at));

export const renderRoute = ({ attempts, orderId, provider, routes, status: stands }: PaymentRoute): string =>
  [
    `${orderId}: ${stands} at ${provider}`,
    "",
    table(
      ["SENT TO", "AT", "WHY", "CONSIDERED"],
      routes.map(({ at, considered, provider: to, why }) => [
        to,
        moment(at),
        why,
        considered.map((one) => `${one.provider} ${one.finding} ${Math.round(one.share * 100)} %`).join(", "),
      ]),
    ),
    "",
    attempts.length === 0
      ? "nobody has tried to pay"
      : table(
          ["TRY", "GATEWAY", "STATUS", "CODE", "BEGUN", "GIVEN UP", "SEEN LATE", "SETTLED", "NEXT QUESTION"],
          attempts.map((one) => [
            one.no,
            one.provider,
            one.status,
            one.code ?? "-",
            moment(one.startedAt),
            optional(one.abandonedAt),
            optional(one.observedAt),
            optional(one.settledAt),
            optional(one.nextActionAt),
          ]),
        ),
  ].join("\n");

export const renderFault = ({ gateway, rules }: { readonly gateway: string; readonly rules: Rules }): string =>
  rules.length === 0
    ? `${gateway} is well again`
    : [`${gateway}:`, ...rules.map((rule) => `  ${JSON.stringify(rule)}`)].join("\n");
