/**
 * The pure machine of all sagas: looks the handler up in the transition table and runs it on a draft of the state.
 */
import { accept, type Identified, type Machine, reject, type Verdict } from "../machine/Machine.ts";
import { handlers, type Run } from "./SagaHandlers.ts";
import { advance } from "./SagaMoves.ts";
import type { SagaRegistry } from "./SagaRegistry.ts";
import {
  AlreadyStarted,
  NotApplicable,
  type SagaInput,
  type SagaOutput,
  SagaRejected,
  type SagaState,
  UnknownSaga,
} from "./SagaState.ts";
import { handlerOf, type Kind } from "./SagaTable.ts";
import { awaitedBy, decode, decodeReply, operationOf, save, type Turn } from "./Turn.ts";

export interface Options {
  readonly registry: SagaRegistry;
  /** Name of the topic where answers to the sagas' commands arrive. */
  readonly replyTo: string;
}

type Decision = Verdict<string, SagaState, SagaOutput, SagaRejected>;
/** What the input is to a saga that stands as `state` says. */
export const kindOf = (
  registry: SagaRegistry,
  state: SagaState | undefined,
  { at, input }: Identified<SagaInput>,
): Kind => {
  switch (input._tag) {
    case "Reply": {
      if (state === undefined) return "LateReply";
      const operation = operationOf(known(registry, state), input.sagaId, state);
      if (operation?.operationId !== input.operationId) return "LateReply";
      return decodeReply(operation.ask.command, input.reply)._tag;
    }
    case "Event": {
      const when = state && awaitedBy(known(registry, state), state, input.type);
      return when === undefined ? "ForeignEvent" : when === "now" ? "Event" : "EarlyEvent";
    }
    case "Due":
      return state !== undefined && state.wakeAt !== null && state.wakeAt <= at ? "Due" : "NotDue";
    default:
      return input._tag;
  }
};

const known = (registry: SagaRegistry, state: SagaState) => {
  const definition = registry.find(state.definition, state.definitionVersion);
  if (definition === undefined) throw new Error(`${state.definition} version ${state.definitionVersion} is unknown`);
  return definition;
};

const begin = (options: Options, { at, input }: Identified<SagaInput>): Decision => {
  if (input._tag !== "Start") throw new Error(`${input._tag} does not start a saga`);
  const definition = options.registry.find(input.definition, input.version);
  if (definition === undefined) throw new Error(`${input.definition} version ${input.version} is unknown`);
  const turn: Turn = {
    definition,
    sagaId: input.sagaId,
    at,
    replyTo: options.replyTo,
    traceparent: undefined,
    outputs: [],
    state: {
      definition: definition.name,
      definitionVersion: definition.version,
      key: input.key,
      situation: "running.before",
      step: null,
      path: "",
      data: null,
      steps: [],
      early: [],
      attempts: 0,
      enteredAt: at,
      round: 0,
      wakeAt: null,
      cancelled: null,
      failure: null,
      stuck: null,
      ignored: 0,
      correlationId: input.correlationId ?? input.sagaId,
      traceparent: input.traceparent,
      startedAt: at,
      endedAt: null,
    },
  };
  save(turn, definition.begin(decode(definition.input, input.input)));
  advance(turn);
  return accept([[input.sagaId, turn.state]], turn.outputs);
};

const run = (options: Options, state: SagaState, identified: Identified<SagaInput>, handler: Run): Decision => {
  const { at, input } = identified;
  const turn: Turn = {
    definition: known(options.registry, state),
    sagaId: input.sagaId,
    at,
    replyTo: options.replyTo,
    traceparent: input._tag === "Due" ? (state.traceparent ?? undefined) : undefined,
    outputs: [],
    state: { ...state, steps: state.steps.map((record) => ({ ...record })) },
  };
  handler(turn, input);
  return accept([[input.sagaId, turn.state]], turn.outputs);
};

export const make = (options: Options): Machine<string, SagaState, SagaInput, SagaOutput, SagaRejected> => ({
  name: "saga",
  keys: (input) => [input.sagaId],
  creates: (input) => (input._tag === "Start" ? [input.sagaId] : []),
  decide: (view, identified): Decision => {
    const { input } = identified;
    const { sagaId } = input;
    const state = view.get(sagaId);
    const situation = state?.situation ?? "absent";
    const kind = kindOf(options.registry, state, identified);
    const handler = handlerOf(situation, kind);
    switch (handler) {
      case undefined:
        throw new Error(`${kind} cannot happen while a saga is ${situation}`);
      case "begin":
        return begin(options, identified);
      case "rest":
        return accept<string, SagaState, SagaOutput>([], []);
      case "unknown":
        return reject(new SagaRejected({ reason: new UnknownSaga({ sagaId }) }));
      case "known":
        return reject(new SagaRejected({ reason: new AlreadyStarted({ sagaId }) }));
      case "unfit":
        return reject(new SagaRejected({ reason: new NotApplicable({ sagaId, action: input._tag, situation }) }));
      default:
        if (state === undefined) throw new Error(`${handler} needs a saga`);
        return run(options, state, identified, handlers[handler]);
    }
  },
});
