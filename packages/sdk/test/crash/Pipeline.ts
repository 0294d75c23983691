/**
 * The way of a command: bus, reservation machine with inbox and outbox, relay, bus, and a diary of the answers.
 *
 * The diary is a notebook per order, so that an answer that is applied twice, or out of order, can be read off it.
 */
import { GroupCommit } from "@destiny/sdk/machine";
import { Message, Topic } from "@destiny/sdk/message";
import { Consumer, Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { ReservationMachine, ReservationStore, ReservationTables } from "@destiny/sdk/reservation";
import { Migrations } from "@destiny/sdk/sql";
import { Database } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import * as Notebook from "../outbox/Notebook.ts";

export const commands = Topic.make("crash.commands", { owner: "test", partitions: 2 });
export const answers = Topic.make("crash.answers", { owner: "test", partitions: 2 });

/** Where a process can be made to stop, each between two effects that must not come apart. */
export const points = ["before commit", "after commit", "before publish", "after publish", "after consume"] as const;
export type Point = (typeof points)[number];

/** Small, so that a kill meets a pipeline that is half done. */
export const maxBatch = 4;

export const Ask = Message.command("crash.ask.v1", {
  topic: commands,
  payload: Schema.Struct({ action: Schema.Literals(["Hold", "Claim"]), orderId: Schema.String, sku: Schema.String }),
  success: Schema.String,
  refusal: Schema.String,
  key: ({ orderId }) => orderId,
});

export const standing = Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/stock" })).pipe(
  Layer.provideMerge(Database.Database.layer),
);

export const migrated = Layer.effectDiscard(
  Effect.andThen(Notebook.migrate, Migrations.run([Tables.migrations, ReservationTables.migrations])),
);

export const until = 4_102_444_800_000;

export const makeStock = (limits: Partial<GroupCommit.Limits> = {}) =>
  Effect.gen(function* () {
    return yield* GroupCommit.make({
      machine: ReservationMachine.machine,
      store: ReservationStore.make(yield* SqlClient.SqlClient),
      output: ReservationMachine.Output,
      rejection: ReservationMachine.Rejection,
      emit: ({ input: { envelope }, verdict }) => {
        const output = verdict._tag === "Accepted" ? verdict.outputs[0] : undefined;
        if (envelope === undefined || output === undefined) return [];
        const orderedBy = ReservationMachine.orderKey(envelope.key);
        return Message.reply(Ask, envelope, { _tag: "Done", value: output._tag }, { orderedBy });
      },
      limits,
    });
  });

export const decodeCommand = Consumer.decoder<ReservationMachine.Input>([
  Consumer.on(Ask, ({ action, orderId, sku }) =>
    action === "Hold" ? { _tag: "Hold", orderId, until, lines: [{ sku, quantity: 1 }] } : { _tag: "Claim", orderId },
  ),
]);

export const makeDiary = Notebook.makeWith({ consumer: "diary" });

const Reply = Message.replySchema<string, string>(Ask);

export const decodeAnswer: Consumer.Decode<Notebook.Append> = ({ data, id, key }) =>
  Option.match(Message.decodeOption(Reply, data), {
    onNone: () => ({ _tag: "Unreadable", why: "not an answer" }),
    onSome: (reply) => ({
      _tag: "Input",
      input: { key, word: `${reply._tag === "Done" ? reply.value : reply.reason} ${id}` },
    }),
  });
