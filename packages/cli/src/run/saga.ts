/** `destiny saga …`: what runs, what hangs and why, and the three ways out. */
import { Ids } from "@destiny/sdk/message";
import { IdempotencyKey } from "@destiny/sdk/http";
import { OrderId, type SagaAction, type SagaHistory, SagaStatus, type SagaSummary } from "@destiny/services/contracts";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { choices } from "../closest.ts";
import { CliError } from "../CliError.ts";
import type { Instance } from "../instance/InstanceFile.ts";
import * as Operator from "./Operator.ts";
import { moment, table } from "./table.ts";

type History = typeof SagaHistory.Type;

export interface ListOptions {
  readonly status?: string | undefined;
  /** Only what is about this order: its placing, and its last cancellation. */
  readonly order?: string | undefined;
  readonly limit: number;
}

export interface SagaPage {
  readonly items: ReadonlyArray<SagaSummary>;
  /** Whether there are others behind these. */
  readonly more: boolean;
}

const isStatus = Schema.is(SagaStatus);

const statusOf = (input: string): Effect.Effect<SagaSummary["status"], CliError> =>
  isStatus(input)
    ? Effect.succeed(input)
    : Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_STATUS",
          message: `no saga is ever "${input}"`,
          next: choices(input, SagaStatus.literals, "statuses"),
        }),
      );

const maxPage = 100;
/** Sagas of one order: placing and cancelling it, with room for definitions to come. */
const maxSagasOfOrder = 20;

interface Query {
  readonly status?: SagaSummary["status"];
  readonly key?: string;
}

/** Newest first, page after page up to the limit. */
const pages = Effect.fnUntraced(function* (
  instance: Instance,
  query: Query,
  limit: number,
): Effect.fn.Return<SagaPage, CliError> {
  const { list: page } = yield* Operator.orchestrator(instance);
  const items: Array<SagaSummary> = [];
  for (let cursor = {}; ;) {
    const asked = Math.min(maxPage, limit - items.length);
    const { items: found, nextCursor } = yield* page({ ...query, ...cursor, limit: asked });
    items.push(...found);
    if (nextCursor === null || items.length >= limit) return { items, more: nextCursor !== null };
    cursor = { cursor: nextCursor };
  }
});

const isOrderId = Schema.is(OrderId);

/** Where a command writes what its answer leaves out, and why. */
export type Remark = (line: string) => void;

/**
 * The keys under which sagas of an order stand. Only the order itself knows its cancellation, and operators need the saga
 * of its placing also while the order service is away.
 */
const keysOf = Effect.fnUntraced(function* (instance: Instance, order: string, remark: Remark) {
  if (!isOrderId(order)) return [order];
  const { get } = yield* Operator.orders(instance);
  const { cancellation } = yield* get(order).pipe(
    Effect.catchIf(
      ({ exit }) => exit === "usage" || exit === "unhealthy",
      ({ exit, message }) =>
        Effect.sync(() => {
          if (exit === "unhealthy") remark(`no cancellation of order ${order} was looked for: ${message}`);
          return { cancellation: null };
        }),
    ),
  );
  return cancellation === null ? [order] : [cancellation.id, order];
});

/** Newest first. */
export const list = Effect.fnUntraced(function* (
  instance: Instance,
  { limit, order, status }: ListOptions,
  remark: Remark,
): Effect.fn.Return<SagaPage, CliError> {
  const query = status === undefined ? {} : { status: yield* statusOf(status) };
  if (order === undefined) return yield* pages(instance, query, limit);
  const keys = yield* keysOf(instance, order, remark);
  const found = yield* Effect.forEach(keys, (key) => pages(instance, { ...query, key }, limit));
  const items = found.flatMap((one) => one.items);
  return { items: items.slice(0, limit), more: items.length > limit || found.some(({ more }) => more) };
});

const split = (id: string) => {
  const [definition = "", ...key] = id.split("/");
  return { definition, key: key.join("/") };
};

/** The id as `list` shows it, or the key, or the order: then its only saga, or the only one that is stuck. */
const find = Effect.fnUntraced(function* (instance: Instance, name: string, remark: Remark) {
  if (name.includes("/")) return split(name);
  const { items } = yield* list(instance, { order: name, limit: maxSagasOfOrder }, remark);
  const stuck = items.filter(({ status }) => status === "stuck");
  const [only, ...others] = stuck.length === 1 ? stuck : items;
  if (only === undefined || others.length > 0) {
    return yield* Effect.fail(
      new CliError({
        exit: "usage",
        code: only === undefined ? "NO_SAGA" : "SEVERAL_SAGAS",
        message: only === undefined ? `no saga is about "${name}"` : `${items.length} sagas are about ${name}`,
        next:
          only === undefined
            ? [`destiny saga list --instance ${instance.name}`]
            : [`name one of them: ${items.map(({ id }) => id).join(", ")}`],
      }),
    );
  }
  return split(only.id);
});

export const show = Effect.fnUntraced(function* (instance: Instance, name: string, remark: Remark) {
  const orchestrator = yield* Operator.orchestrator(instance);
  return yield* orchestrator.show(yield* find(instance, name, remark));
});

export const operate = Effect.fnUntraced(function* (
  instance: Instance,
  name: string,
  action: SagaAction,
  note: string,
  remark: Remark,
) {
  const params = { ...(yield* find(instance, name, remark)), action };
  const orchestrator = yield* Operator.orchestrator(instance);
  // One key a command: whoever gives it twice means it twice.
  const key = yield* Effect.orDie(Schema.decodeEffect(IdempotencyKey.Header)(yield* Ids.fresh));
  return yield* orchestrator.operate({ params, headers: { "idempotency-key": key }, payload: { note } });
});

const why = ({ failure, stuck }: SagaSummary): string =>
  stuck?.reason ?? (failure === null ? "" : failure.cancelled ? "cancelled" : `${failure.step}: ${failure.reason}`);

const isNamedOtherwise = (saga: SagaSummary): saga is SagaSummary & { readonly orderId: OrderId } =>
  saga.orderId !== null && saga.orderId !== saga.key;

export const renderList = ({ items, more }: SagaPage): string => {
  if (items.length === 0) return "no sagas";
  // Most sagas are named after their order; a column that repeats it would be the widest.
  const elsewhere = items.some(isNamedOtherwise);
  const rows = items.map((saga) => [
    saga.id,
    saga.status,
    saga.step ?? "-",
    moment(saga.startedAt),
    ...(elsewhere ? [isNamedOtherwise(saga) ? saga.orderId : ""] : []),
    why(saga),
  ]);
  const head = ["SAGA", "STATUS", "STEP", "SINCE", ...(elsewhere ? ["ORDER"] : []), "WHY"];
  return [table(head, rows), ...(more ? ["…more: --limit"] : [])].join("\n");
};

export const renderHistory = (saga: History): string => {
  const head = [
    `${saga.id} (version ${saga.definitionVersion}): ${saga.status}${saga.step === null ? "" : ` at ${saga.step}`}`,
    ...(isNamedOtherwise(saga) ? [`about order ${saga.orderId}`] : []),
    ...(saga.stuck === null
      ? []
      : [
          `stuck since ${moment(saga.stuck.since)}: ${saga.stuck.reason}`,
          `ways out: destiny saga retry | skip | compensate ${saga.id} --note "…"`,
        ]),
    ...(saga.failure === null ? [] : [`fails because of ${why({ ...saga, stuck: null })}`]),
    ...(saga.nextWakeAt === null ? [] : [`looks again at ${moment(saga.nextWakeAt)}`]),
  ];
  const steps = table(
    ["STEP", "STATE", "ENTERED", "MS"],
    saga.steps.map((step) => [step.name, step.state, moment(step.enteredAt), step.durationMillis ?? "-"]),
  );
  const journal = table(
    ["#", "AT", "WHAT", "SENT", "BY"],
    saga.journal.map(({ at, by, emitted, kind, version }) => [
      version,
      moment(at),
      kind,
      emitted.length,
      by === null ? "" : `${by.actor}: ${by.note}`,
    ]),
  );
  return [...head, "", steps, "", journal].join("\n");
};
