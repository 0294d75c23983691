/** Every message type of the contracts, and which of them nothing sends. */
import { Message } from "@destiny/sdk/message";
import * as Contracts from "../../src/contracts/index.ts";

export type Definition = Message.AnyCommand | Message.AnyEvent;

const isDefinition = (value: unknown): value is Definition =>
  typeof value === "object" &&
  value !== null &&
  "kind" in value &&
  (value.kind === "command" || value.kind === "event");

/** A command is two types: the question, and the answer to it. */
export const typesOf = (definition: Definition): ReadonlyArray<string> =>
  definition.kind === "command" ? [definition.type, definition.type + Message.replySuffix] : [definition.type];

/** Whatever the contracts export: a new message is here without anybody naming it. */
export const definitions: ReadonlyArray<Definition> = Object.values<unknown>(Contracts).filter(isDefinition);

/** The type of the answer to a command. */
export const answerTo = ({ type }: Message.AnyCommand): string => type + Message.replySuffix;

const before = "version 1 is only read, of what was sent before an upgrade";

/** Types that nothing sends yet, or any more, and why. The first sender of one is to bring a journey with it. */
export const notYetSent: Readonly<Record<string, string>> = {
  [Contracts.OrderCompletedV1.type]: before,
  [Contracts.OrderCanceledV1.type]: before,
  [Contracts.OrderCancelFailed.type]: "only an operator gives a cancellation up",
  [answerTo(Contracts.ExtendHold)]:
    "the saga only mentions the extension to the stock: it names no topic for an answer",
};
