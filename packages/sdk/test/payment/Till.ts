/** Payments over a real database: what a service puts together, with limits that suit a test. */
import { Database, GroupCommit } from "@destiny/sdk/machine";
import { Message, Topic } from "@destiny/sdk/message";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { type GatewayRouting, PaymentMachine, Payments, PaymentStore, PaymentTables } from "@destiny/sdk/payment";
import { Migrations } from "@destiny/sdk/sql";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import { Ids } from "@destiny/sdk/message";

export const amount = 15_000;
export const owner = "buyer";

const topic = Topic.make("till.events", { owner: "till", partitions: 1 });

/** What others would be told: each money event once, or the audit of the outbox shows it. */
export const Told = Message.event("till.told.v1", {
  topic,
  payload: Schema.Struct({ reference: Schema.String, what: Schema.String }),
  key: ({ reference }) => reference,
});

const told = new Set(["Settled", "Refunded", "Voided", "RefundRefused"]);

/** Longer than the adapter's time-out: an attempt in flight is never asked about. */
const limits = {
  inquireAfterMillis: 700,
  askAgainMillis: 20,
  maxAskAgainMillis: 100,
  settleMillis: 1500,
} satisfies Partial<Payments.Limits>;

export const makeWith = Effect.fnUntraced(function* (routing?: Pick<GatewayRouting.GatewayRouting, "next">) {
  const commit = yield* GroupCommit.make({
    machine: PaymentMachine.machine,
    store: PaymentStore.make(yield* SqlClient.SqlClient),
    output: PaymentMachine.Output,
    rejection: PaymentMachine.Rejection,
    emit: ({ input, verdict }) =>
      verdict._tag === "Rejected"
        ? []
        : verdict.outputs
            .filter(({ _tag }) => told.has(_tag))
            .map(({ _tag }) =>
              Message.draft(
                Told,
                { reference: input.input.reference, what: _tag },
                { orderedBy: input.input.reference },
              ),
            ),
  });
  const payments = yield* Payments.make({ commit, routing, limits });
  const submit = Effect.fnUntraced(function* (input: PaymentMachine.Input) {
    const at = yield* Clock.currentTimeMillis;
    return (yield* commit.submit({ id: yield* Ids.fresh, at, input })).map(({ _tag }) => _tag);
  });
  const status = (reference: string) => Effect.map(payments.find(reference), (intent) => intent?.status);
  return {
    ...payments,
    submit,
    status,
    open: (reference: string, provider = "toss") =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        submit({
          _tag: "Open",
          reference,
          owner,
          name: "test",
          amount,
          provider,
          explanation: null,
          until: now + 600_000,
        }),
      ),
    /** The buyer's click; `id` is its idempotency key, another one each time unless given. */
    click: Effect.fnUntraced(function* (reference: string, paymentKey: string, id?: string, provider = "toss") {
      const stamp = { id: id ?? (yield* Ids.fresh), at: yield* Clock.currentTimeMillis };
      const { attempt } = yield* payments.confirm({ reference, owner, provider, paymentKey, amount }, stamp);
      return attempt.status;
    }),
    /** Sweeps until the intent stands as expected; a bound, not a pause, decides that it never will. */
    sweptTo: (reference: string, expected: PaymentMachine.IntentStatus) =>
      payments.sweep.pipe(
        Effect.andThen(status(reference)),
        Effect.flatMap((now) => (now === expected ? Effect.succeed(now) : Effect.fail(`still ${String(now)}`))),
        Effect.retry(Schedule.spaced("25 millis").pipe(Schedule.upTo({ duration: "12 seconds" }))),
      ),
  };
});

export const make = makeWith();

export const toldAbout = Effect.fnUntraced(function* (reference: string) {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly envelope: string }>`
    SELECT envelope FROM outbox WHERE key = ${reference} ORDER BY position`;
  return rows.map(({ envelope }) => (JSON.parse(envelope) as { data: { what: string } }).data.what);
});

const migrate = Effect.andThen(Migrations.run([Tables.migrations, PaymentTables.migrations]), Tables.ensurePartitions);

/** Everything that the service's database has, on top of a `SqlClient`. */
export const layer = Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/till" })).pipe(
  Layer.provideMerge(Database.Database.layer),
  Layer.provideMerge(Layer.effectDiscard(migrate)),
);
