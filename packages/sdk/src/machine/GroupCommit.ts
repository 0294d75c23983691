/**
 * One runtime for every machine: concurrent callers and consumed batches share one transaction.
 *
 * Guarantee: each input (by id and consumer) is decided at most once and its answer, its state changes and its messages
 * commit together or not at all; whoever asks again gets the first answer.
 *
 * While one commit is in flight the next group gathers: no waiting is added, and an idle system commits groups of one.
 * After a failed attempt the whole group is decided again. That is safe also when the commit is unknown (the connection
 * broke after it was sent): every attempt first looks the ids up, answers the committed ones from their rows, and decides
 * only the rest. Rejected: a retry per caller, which cannot tell the two cases apart.
 *
 * There are two ways to commit a group, see `Ways`: under locks, and, when its states are remembered, in one statement.
 *
 * Limits: `maxGroupInputs` per transaction, `maxQueuedInputs` before it (then `Overloaded`), `maxMessageBytes` per message,
 * `maxWeatherMillis` of retries while the database is away (then `Unavailable`), `maxRememberedStates`. No remote call happens
 * inside a group.
 */
import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Metric from "effect/Metric";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import { isSqlError, type SqlError } from "effect/sql/SqlError";
import type { Draft, Envelope } from "../message/Envelope.ts";
import { Ids } from "../message/Ids.ts";
import { type Data, encode } from "../message/Message.ts";
import { codeOf, meaningOf } from "../sql/SqlState.ts";
import { Database } from "./Database.ts";
import type { Decided, Entry, Fate, Parts } from "./Decide.ts";
import { GroupCommitError, IdReused, Overloaded, Poisoned, Unavailable } from "./Errors.ts";
import type { Identified, Machine, Versioned } from "./Machine.ts";
import type { MachineStore } from "./MachineStore.ts";
import { InputLog, OutputLog } from "./Ports.ts";
import * as StateCache from "./StateCache.ts";
import * as Ways from "./Ways.ts";

/** A message taken from the bus: readable as an input of the machine, or poison from the start. */
export type Delivery<Input> =
  | {
      readonly _tag: "Readable";
      readonly input: Identified<Input>;
      /** Taken from the dead letters again: it goes ahead although its key is parked. */
      readonly redrive?: true | undefined;
    }
  | { readonly _tag: "Unreadable"; readonly envelope: Envelope; readonly why: string };

export interface BatchReport {
  readonly applied: number;
  readonly duplicates: number;
  /** Set aside behind a dead letter of their key. */
  readonly parked: number;
  /** Newly dead-lettered, with the reason. */
  readonly poisoned: ReadonlyArray<{ readonly id: string; readonly why: string }>;
}

export interface GroupCommit<Input, Output, Rejection> {
  /**
   * Joins the next group; or, inside a transaction of the same database, is a group of one in it that commits or rolls
   * back with it.
   */
  readonly submit: (input: Identified<Input>) => Effect.Effect<ReadonlyArray<Output>, Rejection | GroupCommitError>;
  /** Applies a consumed batch as a group, in order. Fails only with `Unavailable`: then nothing may be acknowledged. */
  readonly apply: (batch: ReadonlyArray<Delivery<Input>>) => Effect.Effect<BatchReport, GroupCommitError>;
}

export interface Limits {
  readonly maxGroupInputs: number;
  readonly maxQueuedInputs: number;
  readonly maxMessageBytes: number;
  readonly maxWeatherMillis: number;
  readonly maxConflictRetries: number;
  /** States that are remembered, so that groups on them are one statement; 0 remembers nothing. */
  readonly maxRememberedStates: number;
  /** How long a key that somebody else moved is read under its lock. */
  readonly conflictCoolMillis: number;
}

export const defaultLimits: Limits = {
  maxGroupInputs: 512,
  maxQueuedInputs: 4096,
  maxMessageBytes: 256 * 1024,
  maxWeatherMillis: 10_000,
  maxConflictRetries: 3,
  maxRememberedStates: 10_000,
  conflictCoolMillis: 1000,
};

export interface Options<Key extends string, State, Input, Output, Rejection> {
  readonly machine: Machine<Key, State, Input, Output, Rejection>;
  readonly store: MachineStore<Key, State, Input, Output, Rejection>;
  /** The name under which inputs are remembered; also the consumer's group on the bus. Default: the machine's name. */
  readonly consumer?: string | undefined;
  /** Schemas of what `submit` answers: a stored answer is decoded with them. */
  readonly output: Data<Output>;
  readonly rejection: Data<Rejection>;
  /** The messages that a decision says to others. Default: none. */
  readonly emit?: ((decided: Decided<Key, Input, Output, Rejection>) => ReadonlyArray<Draft>) | undefined;
  /** Told after every commit what its states are now, those that were only read included: for who waits in this process. */
  readonly onCommit?: ((states: ReadonlyMap<Key, Versioned<State>>) => void) | undefined;
  readonly limits?: Partial<Limits> | undefined;
}

const groupInputs = Metric.histogram("destiny_group_inputs", { boundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });
const millis = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];
const groupWaitMillis = Metric.histogram("destiny_group_wait_millis", { boundaries: millis });
const groupConflicts = Metric.counter("destiny_group_conflicts_total", { incremental: true });
const groupCommitMillis = Metric.histogram("destiny_group_commit_millis", { boundaries: millis });

interface Waiting<Input, Output, Rejection> {
  readonly entries: ReadonlyArray<Entry<Input>>;
  readonly queuedAt: number;
  readonly done: Deferred.Deferred<ReadonlyArray<Fate<Output, Rejection>>, GroupCommitError>;
}

export const make = Effect.fnUntraced(function* <Key extends string, State, Input, Output, Rejection>(
  options: Options<Key, State, Input, Output, Rejection>,
): Effect.fn.Return<GroupCommit<Input, Output, Rejection>, never, Database | InputLog | OutputLog | Scope.Scope> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { machine } = options;
  const database = yield* Database;
  const outputs = yield* OutputLog;
  const clock = yield* Clock.Clock;
  const scope = yield* Effect.scope;
  const outcome = Schema.Union([
    Schema.TaggedStruct("Accepted", { outputs: Schema.Array(options.output) }),
    Schema.TaggedStruct("Rejected", { rejection: options.rejection }),
  ]);
  const parts: Parts<Key, State, Input, Output, Rejection> = {
    consumer: options.consumer ?? machine.name,
    machine,
    store: options.store,
    emit: options.emit ?? (() => []),
    encode: (verdict) => encode(outcome as Data<unknown>, verdict),
    inputs: yield* InputLog,
    outputs,
    ids: yield* Ids,
    maxMessageBytes: limits.maxMessageBytes,
  };
  const decodeOutcome = Schema.decodeUnknownEffect(Schema.toCodecJson(outcome));
  const labels = { machine: machine.name };
  const metrics = {
    inputs: Metric.withAttributes(groupInputs, labels),
    wait: Metric.withAttributes(groupWaitMillis, labels),
    commit: Metric.withAttributes(groupCommitMillis, labels),
    conflicts: Metric.withAttributes(groupConflicts, labels),
  };
  const cache = StateCache.make<Key, State>(limits.maxRememberedStates);
  const fail = (reason: GroupCommitError["reason"]): GroupCommitError =>
    new GroupCommitError({ machine: machine.name, reason });

  // A machine never sees time run backwards, whichever host stamped the input; the commit decides who was first.
  let latest = 0;
  const forward = (entry: Entry<Input>): Entry<Input> => {
    latest = Math.max(latest, entry.input.at);
    return entry.input.at === latest ? entry : { ...entry, input: { ...entry.input, at: latest } };
  };

  type Fates = ReadonlyArray<Fate<Output, Rejection>>;

  type Written = Ways.Written<Key, State, Output, Rejection>;

  /** Remembers what a committed group left behind, and lets its messages go. */
  const settle = ({ fates, messages, positions, states }: Written): Effect.Effect<Fates> => {
    cache.keep(states, clock.currentTimeMillisUnsafe());
    options.onCommit?.(states);
    // A repetition may be the second try of a commit whose answer got lost: its messages wait, and nobody was told.
    const quiet = messages.length === 0 && !fates.some((fate) => fate._tag === "Repeated");
    return quiet ? Effect.succeed(fates) : Effect.as(outputs.committed(messages, positions), fates);
  };

  /** On remembered states when all are; under locks when not, or when they turn out to be old. */
  const commit = (entries: ReadonlyArray<Entry<Input>>): Effect.Effect<Fates, GroupCommitError> =>
    Effect.suspend(() => {
      const ready = Ways.remembered(parts, entries, cache, clock.currentTimeMillisUnsafe());
      if (ready === undefined) return commitLocked(entries);
      return Effect.matchCauseEffect(database.write(ready.writes, ready.conditions), {
        onSuccess: (positions) => settle({ ...ready, positions }),
        onFailure: (cause) => {
          // Also after an answer that got lost: the locked way looks the ids up.
          cache.cool(ready.keys, clock.currentTimeMillisUnsafe() + limits.conflictCoolMillis);
          if (sqlErrorOf(cause) === undefined && Cause.hasInterrupts(cause)) return Effect.interrupt;
          return Effect.andThen(Metric.update(metrics.conflicts, 1), commitLocked(entries));
        },
      });
    });

  /** Halves the group around poison; waits out weather. */
  const commitLocked = (entries: ReadonlyArray<Entry<Input>>, conflicts = 0): Effect.Effect<Fates, GroupCommitError> =>
    Effect.flatMap(Effect.exit(weathered(entries)), (exit) => {
      if (Exit.isSuccess(exit)) return settle(exit.value);
      const error = sqlErrorOf(exit.cause);
      if (error === undefined && Cause.hasInterrupts(exit.cause)) return Effect.interrupt;
      const meaning = error === undefined ? "poison" : meaningOf(error);
      if (meaning === "weather") return Effect.fail(fail(new Unavailable({ cause: error })));
      if (meaning === "conflict" && conflicts < limits.maxConflictRetries) return commitLocked(entries, conflicts + 1);
      const why = error === undefined ? String(Cause.squash(exit.cause)) : describe(error);
      if (entries.length > 1) {
        const half = entries.length >> 1;
        return Effect.flatMap(commitLocked(entries.slice(0, half)), (left) =>
          Effect.map(commitLocked(entries.slice(half)), (right) => [...left, ...right]),
        );
      }
      const [alone] = entries;
      if (alone === undefined || alone.unreadable !== undefined) return Effect.die(Cause.squash(exit.cause));
      return alone.input.envelope === undefined
        ? Effect.succeed([{ _tag: "Poisoned", why }])
        : commitLocked([{ ...alone, unreadable: why }]);
    });

  /** Retries while the database is away. Every attempt looks the ids up first, so an unknown commit is answered right. */
  const weathered = (entries: ReadonlyArray<Entry<Input>>): Effect.Effect<Written, SqlError> => {
    const startedAt = clock.currentTimeMillisUnsafe();
    const attempt = (pauseMillis: number): Effect.Effect<Written, SqlError> =>
      Effect.catchCause(database.transact(Ways.locked(parts, entries, database.write)), (cause) => {
        const error = sqlErrorOf(cause);
        const elapsed = clock.currentTimeMillisUnsafe() - startedAt;
        if (error === undefined || meaningOf(error) !== "weather" || elapsed >= limits.maxWeatherMillis) {
          return error === undefined ? Effect.failCause(cause) : Effect.fail(error);
        }
        return Effect.logWarning("a group could not commit and is tried again", {
          ...labels,
          pauseMillis,
          cause: describe(error),
        }).pipe(Effect.andThen(Effect.sleep(pauseMillis)), Effect.andThen(attempt(Math.min(pauseMillis * 2, 1000))));
      });
    return attempt(20);
  };

  const queue: Array<Waiting<Input, Output, Rejection>> = [];
  let queued = 0;
  let running = false;

  const takeGroup = (): ReadonlyArray<Waiting<Input, Output, Rejection>> => {
    let inputs = 0;
    let count = 0;
    for (const waiting of queue) {
      if (count > 0 && inputs + waiting.entries.length > limits.maxGroupInputs) break;
      inputs += waiting.entries.length;
      count++;
    }
    queued -= inputs;
    return queue.splice(0, count);
  };

  const runGroup = Effect.suspend(() => {
    const group = takeGroup();
    const startedAt = clock.currentTimeMillisUnsafe();
    const entries = group.flatMap((waiting) => waiting.entries).map(forward);
    return Effect.flatMap(Effect.exit(commit(entries)), (exit) => {
      const ended = clock.currentTimeMillisUnsafe();
      let offset = 0;
      for (const waiting of group) {
        const size = waiting.entries.length;
        const from = offset;
        offset += size;
        Deferred.doneUnsafe(
          waiting.done,
          Exit.map(exit, (fates) => fates.slice(from, from + size)),
        );
      }
      return Effect.all(
        [
          Metric.update(metrics.inputs, entries.length),
          Metric.update(metrics.commit, ended - startedAt),
          ...group.map((waiting) => Metric.update(metrics.wait, startedAt - waiting.queuedAt)),
        ],
        { discard: true },
      );
    });
  });

  const drain: Effect.Effect<void> = Effect.whileLoop({
    while: () => queue.length > 0 || ((running = false), false),
    body: () => database.lane.withPermit(runGroup),
    step: () => undefined,
  });

  const enqueue = (entries: ReadonlyArray<Entry<Input>>): Effect.Effect<Fates, GroupCommitError> =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<Fates, GroupCommitError>();
      queue.push({ entries, done, queuedAt: clock.currentTimeMillisUnsafe() });
      queued += entries.length;
      if (running) return Deferred.await(done);
      running = true;
      return Effect.andThen(Effect.forkIn(drain, scope), Deferred.await(done));
    });

  const answer = (input: Identified<Input>, fate: Fate<Output, Rejection> | undefined) => {
    switch (fate?._tag) {
      case "Decided":
        return Effect.succeed(fate.outputs);
      case "Refused":
        return Effect.fail(fate.rejection);
      case "Repeated":
        return Effect.flatMap(Effect.orDie(decodeOutcome(fate.outcome)), (stored) =>
          stored._tag === "Accepted" ? Effect.succeed(stored.outputs) : Effect.fail(stored.rejection),
        );
      case "Reused":
        return Effect.fail(fail(new IdReused({ id: input.id })));
      default:
        return Effect.fail(fail(new Poisoned({ id: input.id, why: fate?._tag === "Poisoned" ? fate.why : "parked" })));
    }
  };

  /** In a caller's transaction there is no second try: a failed statement has already doomed it. */
  const inCallersTransaction = (entry: Entry<Input>): Effect.Effect<Fates, GroupCommitError> =>
    Ways.locked(parts, [forward(entry)], database.write).pipe(
      Effect.mapError((error) => fail(new Unavailable({ cause: error }))),
      Effect.tap(({ messages, positions, states }) => {
        // Not committed yet, and perhaps never.
        cache.forget(states.keys());
        return database.afterCommit(outputs.committed(messages, positions));
      }),
      Effect.map(({ fates }) => fates),
    );

  const submit = Effect.fnUntraced(function* (input: Identified<Input>) {
    const entry: Entry<Input> = { input, awaited: true };
    if (yield* database.joined) {
      const [fate] = yield* inCallersTransaction(entry);
      return yield* answer(input, fate);
    }
    if (queued >= limits.maxQueuedInputs) {
      return yield* fail(new Overloaded({ machine: machine.name, queued, retryAfterMillis: 1000 }));
    }
    const [fate] = yield* enqueue([entry]);
    return yield* answer(input, fate);
  });

  const apply = Effect.fnUntraced(function* (batch: ReadonlyArray<Delivery<Input>>) {
    const entries = batch.map(entryOf);
    const fates = entries.length === 0 ? [] : yield* enqueue(entries);
    const poisoned: Array<{ readonly id: string; readonly why: string }> = [];
    const report = { applied: 0, duplicates: 0, parked: 0, poisoned };
    const counted = new Set<string>();
    fates.forEach((fate, index) => {
      const id = entries[index]?.input.id ?? "";
      if (fate._tag === "Repeated" || fate._tag === "Reused" || counted.has(id)) report.duplicates++;
      else if (fate._tag === "Parked") report.parked++;
      else if (fate._tag === "Poisoned") poisoned.push({ id, why: fate.why });
      else report.applied++;
      counted.add(id);
    });
    return report satisfies BatchReport;
  });

  return { submit, apply };
});

const entryOf = <Input>(delivery: Delivery<Input>): Entry<Input> =>
  delivery._tag === "Readable"
    ? { input: delivery.input, awaited: false, redrive: delivery.redrive }
    : {
        // Never decided, so the missing input is never read.
        input: {
          id: delivery.envelope.id,
          at: delivery.envelope.time,
          input: undefined as Input,
          envelope: delivery.envelope,
        },
        awaited: false,
        unreadable: delivery.why,
      };

/** A broken connection also breaks the rollback, which the driver then reports as a defect. */
const sqlErrorOf = (cause: Cause.Cause<unknown>): SqlError | undefined => {
  const error = Cause.squash(cause);
  return isSqlError(error) ? error : undefined;
};

/** SQLSTATE and the server's own words; the statement's parameters are not part of it. */
const describe = (error: SqlError): string => `${codeOf(error) ?? "no answer"}: ${String(error.reason.cause)}`;
