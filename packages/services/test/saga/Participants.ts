/** The other side of a saga in a test: hears what it asks, and answers in the name of the asked. */
import { assert } from "@effect/vitest";
import { Ids, Message } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as Saga from "../../src/saga/layer.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";

export const service = ServiceTest.layer("saga", Saga.layer);

/** Everything that was asked about a key so far, in order. */
export const asked = Effect.fnUntraced(function* (key: string) {
  const { bus } = yield* ServiceTest.ServiceTest;
  yield* bus.settled;
  return (yield* bus.all).filter((one) => one.key === key && one.replyTo !== undefined);
});

/** Answers the last question of a type, and waits until the saga has taken it in. */
export const answer = Effect.fnUntraced(function* <Success, Refusal>(
  command: Message.Command<string, never, Success, Refusal> | Message.AnyCommand,
  key: string,
  reply: Message.Reply<Success, Refusal>,
) {
  const { bus } = yield* ServiceTest.ServiceTest;
  const question = (yield* asked(key)).findLast(({ type }) => type === command.type);
  if (question === undefined) return assert.fail(`nobody asked ${command.type}`);
  for (const draft of Message.reply(command, question, reply)) {
    yield* bus.publish({ ...draft, id: yield* Ids.fresh, source: "destiny/test", time: question.time });
  }
  yield* bus.settled;
});

export const done = { _tag: "Done", value: {} } as const;
