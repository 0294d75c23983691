/**
 * Runs sagas in a process: definitions, store and group commit joined, deadlines swept, operators heard.
 *
 * Guarantee: as `Saga` says, for as long as some process of the service lives. A process refuses to start when a live saga
 * needs a definition that it does not have; one that meets such a saga later takes nothing from its consumer and says that
 * it is not ready.
 *
 * Limits: `sweepMillis` between sweeps, `maxSweepSagas` a sweep; deadlines are kept to within one sweep. Any number of
 * processes may sweep: what is no longer due is passed over.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import { SqlError, UnknownError } from "effect/sql/SqlError";
import type { Finding } from "../machine/Audit.ts";
import type { Database } from "../machine/Database.ts";
import type { GroupCommitError } from "../machine/Errors.ts";
import * as GroupCommit from "../machine/GroupCommit.ts";
import type { InputLog, OutputLog } from "../machine/Ports.ts";
import type { Envelope } from "../message/Envelope.ts";
import { Ids } from "../message/Ids.ts";
import { type Data, encode, replySuffix } from "../message/Message.ts";
import type { Topic } from "../message/Topic.ts";
import * as TraceContext from "../message/TraceContext.ts";
import type { AnyDefinition, Definition } from "./Saga.ts";
import * as SagaHistory from "./SagaHistory.ts";
import * as SagaMachine from "./SagaMachine.ts";
import * as SagaRegistry from "./SagaRegistry.ts";
import { type Action, definitionOf, sagaIdOf, type SagaInput, SagaOutput, SagaRejected } from "./SagaState.ts";
import { SagaStore } from "./SagaStore.ts";

/** What a message means to the sagas; the shape that a consumer of the bus takes. */
export type Meaning =
  | { readonly _tag: "Input"; readonly input: SagaInput }
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Unreadable"; readonly why: string };

export interface Options {
  readonly definitions: ReadonlyArray<AnyDefinition>;
  /** Where answers to the sagas' commands arrive. */
  readonly replies: Topic;
  /** Under which name inputs are remembered; the consumer's group on the bus. Default `saga`. */
  readonly consumer?: string | undefined;
  /** Pause between sweeps. Default 500. */
  readonly sweepMillis?: number | undefined;
  /** Sagas that one sweep wakes. Default 256. */
  readonly maxSweepSagas?: number | undefined;
  /** A wake-up that is later than this is overdue to the audit. Default 10,000. */
  readonly overdueMillis?: number | undefined;
  readonly limits?: Partial<GroupCommit.Limits> | undefined;
}

const unreadyMillis = 30_000;

type Outputs = Effect.Effect<ReadonlyArray<SagaOutput>, SagaRejected | GroupCommitError>;

export class SagaEngine extends Context.Service<
  SagaEngine,
  {
    /** Starts the saga of the input's key; answers its id. The same `id` again gets the first answer again. */
    readonly start: <Input>(
      definition: Definition<Input>,
      input: Input,
      options: {
        readonly id: string;
        readonly correlationId?: string | undefined;
        readonly traceparent?: string | undefined;
      },
    ) => Effect.Effect<string, SagaRejected | GroupCommitError>;
    /** Asks a saga to turn back. Past its pivot it is only recorded: see the output `CancelAfterPivot`. */
    readonly cancel: (sagaId: string, reason: string, options: { readonly id: string }) => Outputs;
    /**
     * Acts on a stuck saga; the journal keeps who did what, and why. `Retry` asks again; `Skip` passes over a step or an undo, because it was done by hand;
     * `Compensate` declares a pivot closed whose arbiter does not answer, or gives up a saga that only goes forward.
     */
    readonly operate: (
      sagaId: string,
      action: Action,
      options: {
        readonly id: string;
        /** Of the request that asks: the same id with another one is refused. */
        readonly fingerprint?: string | undefined;
        readonly actor: string;
        readonly note: string;
      },
    ) => Outputs;
    /** For the consumer of {@link topics}. */
    readonly commit: GroupCommit.GroupCommit<SagaInput, SagaOutput, SagaRejected>;
    readonly consumer: string;
    readonly topics: ReadonlyArray<Topic>;
    readonly decode: (envelope: Envelope) => Meaning;
    /** Wakes what is due now; answers how many sagas. Runs by itself every `sweepMillis`. */
    readonly sweep: Effect.Effect<number, SqlError | GroupCommitError>;
    /** False for half a minute after this process met a saga whose definition it does not have. */
    readonly ready: Effect.Effect<boolean>;
    /** I7 and I12. `parkedKeys`: keys of this consumer that wait behind a dead letter. */
    readonly audit: (parkedKeys?: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Finding>, SqlError>;
    /** What replays need to decide again. */
    readonly machine: SagaMachine.Options;
  }
>()("@destiny/sdk/saga/SagaEngine") {
  static readonly layer = (
    options: Options,
  ): Layer.Layer<SagaEngine, SagaRegistry.DefinitionsMissing | SqlError, SagaStore | Database | InputLog | OutputLog> =>
    Layer.effect(SagaEngine, make(options));
}

export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<
  SagaEngine["Service"],
  SagaRegistry.DefinitionsMissing | SqlError,
  SagaStore | Database | InputLog | OutputLog | Scope.Scope
> {
  const store = yield* SagaStore;
  const ids = yield* Ids;
  const registry = SagaRegistry.make(options.definitions);
  const machine: SagaMachine.Options = { registry, replyTo: options.replies.name };
  const consumer = options.consumer ?? "saga";
  const maxSweepSagas = options.maxSweepSagas ?? 256;
  const sweepMillis = options.sweepMillis ?? 500;
  const overdueMillis = options.overdueMillis ?? 10_000;

  const missing = registry.missing(yield* store.live);
  if (missing.length > 0) return yield* new SagaRegistry.DefinitionsMissing({ missing });

  let strangerAt = Number.NEGATIVE_INFINITY;
  /** A version that only another process knows is weather, not poison: its messages stay where they are. */
  const load: typeof store.states.load = (keys) =>
    Effect.flatMap(store.states.load(keys), (found) => {
      const uses = [...found.values()].map(({ state }) => ({
        definition: state.definition,
        version: state.definitionVersion,
      }));
      const unknown = registry.missing(uses);
      if (unknown.length === 0) return Effect.succeed(found);
      const cause = new SagaRegistry.DefinitionsMissing({ missing: unknown });
      return Effect.flatMap(Clock.currentTimeMillis, (now) => {
        strangerAt = now;
        return Effect.fail(new SqlError({ reason: new UnknownError({ cause, message: cause.message }) }));
      });
    });
  const commit = yield* GroupCommit.make({
    machine: SagaMachine.make(machine),
    store: { ...store.states, load },
    consumer,
    output: SagaOutput,
    rejection: SagaRejected,
    limits: options.limits,
    emit: ({ verdict }) =>
      verdict._tag === "Accepted" ? verdict.outputs.flatMap((one) => (one._tag === "Send" ? [one.draft] : [])) : [],
  });

  const submit = Effect.fnUntraced(function* (id: string, input: SagaInput, fingerprint?: string) {
    const at = yield* Clock.currentTimeMillis;
    return yield* commit.submit({ id, fingerprint, at, traceparent: yield* TraceContext.current, input });
  });

  const start: SagaEngine["Service"]["start"] = Effect.fn("SagaEngine.start")(function* (definition, input, given) {
    const sagaId = sagaIdOf(definition.name, definition.key(input));
    const key = definition.key(input);
    yield* submit(given.id, {
      _tag: "Start",
      sagaId,
      definition: definition.name,
      version: definition.version,
      key,
      input: encode(definition.input, input),
      correlationId: given.correlationId ?? null,
      traceparent: given.traceparent ?? null,
    });
    return sagaId;
  });

  const sweep = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis;
    // Those that only another process can wake are left to it.
    const due = (yield* store.due(now, maxSweepSagas)).filter((one) => registry.missing([one]).length === 0);
    if (due.length === 0) return 0;
    const report = yield* commit.apply(
      due.map(({ id: sagaId }) => ({
        _tag: "Readable" as const,
        input: { id: ids.next(now), at: now, input: { _tag: "Due" as const, sagaId } },
      })),
    );
    for (const letter of report.poisoned) yield* Effect.logError("a deadline cannot be kept", letter);
    return report.applied;
  }).pipe(Effect.withSpan("SagaEngine.sweep"));

  const sweeper = sweep.pipe(
    Effect.catchCause((cause) => Effect.as(Effect.logWarning("the sweep failed; it comes again", cause), 0)),
    Effect.flatMap((woken) => (woken < maxSweepSagas ? Effect.sleep(sweepMillis) : Effect.void)),
    Effect.forever,
  );
  yield* Effect.forkScoped(sweeper);

  const topics = new Map([options.replies, ...registry.eventTopics].map((topic) => [topic.name, topic]));
  const audit = Effect.fn("SagaEngine.audit")(function* (parkedKeys: ReadonlyArray<string> = []) {
    const stalled = yield* store.audit((yield* Clock.currentTimeMillis) - overdueMillis);
    const parked = parkedKeys.map((id) => ({ id, what: "parked behind a dead letter" }));
    const replayed = yield* Effect.provideService(SagaHistory.replayAll(machine), SagaStore, store);
    return [{ ...stalled, violations: [...stalled.violations, ...parked] }, replayed];
  });

  return SagaEngine.of({
    start,
    cancel: Effect.fn("SagaEngine.cancel")((sagaId, reason, { id }) => submit(id, { _tag: "Cancel", sagaId, reason })),
    operate: Effect.fn("SagaEngine.operate")((sagaId, action, { actor, fingerprint, id, note }) =>
      submit(id, { _tag: action, sagaId, actor, note }, fingerprint),
    ),
    commit,
    consumer,
    topics: [...topics.values()],
    decode: decoder(registry),
    sweep,
    ready: Effect.map(Clock.currentTimeMillis, (now) => now - strangerAt > unreadyMillis),
    audit,
    machine,
  });
});

const ignored: Meaning = { _tag: "Ignored" };

const decoder = (registry: SagaRegistry.SagaRegistry): ((envelope: Envelope) => Meaning) => {
  const decoders = new Map<string, (data: unknown) => Result.Result<unknown, Schema.SchemaError>>();
  const decode = (type: string, schema: Data<unknown>, data: unknown) => {
    const known = decoders.get(type) ?? Schema.decodeUnknownResult(Schema.toCodecJson(schema));
    decoders.set(type, known);
    return known(data);
  };

  const reply = ({ data, operationId, sagaId }: Envelope): Meaning =>
    sagaId === undefined || operationId === undefined || registry.latest(definitionOf(sagaId)) === undefined
      ? ignored
      : { _tag: "Input", input: { _tag: "Reply", sagaId, operationId, reply: data } };

  const event = (envelope: Envelope, { definition, event, role }: SagaRegistry.Listening): Meaning =>
    Result.match(decode(envelope.type, event.payload, envelope.data), {
      onFailure: (error): Meaning => ({ _tag: "Unreadable", why: error.message }),
      onSuccess: (payload): Meaning => {
        const sagaId = sagaIdOf(definition.name, envelope.key);
        switch (role) {
          case "starts": {
            const key = definition.key(payload);
            const started = {
              sagaId: sagaIdOf(definition.name, key),
              definition: definition.name,
              version: definition.version,
              key,
              input: envelope.data,
              correlationId: envelope.correlationId ?? null,
              traceparent: envelope.traceparent ?? null,
            };
            return { _tag: "Input", input: { _tag: "Start", ...started } };
          }
          case "cancels":
            return {
              _tag: "Input",
              input: { _tag: "Cancel", sagaId, reason: definition.cancelledBy?.reason(payload) ?? "CANCELLED" },
            };
          case "awaited":
            return { _tag: "Input", input: { _tag: "Event", sagaId, type: envelope.type, payload: envelope.data } };
        }
      },
    });

  return (envelope) => {
    if (envelope.type.endsWith(replySuffix)) return reply(envelope);
    const listening = registry.listening(envelope.type);
    return listening === undefined ? ignored : event(envelope, listening);
  };
};
