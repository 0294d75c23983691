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
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Metric from "effect/Metric";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import type { Draft, Envelope } from "../message/Envelope.ts";
import { Ids } from "../message/Ids.ts";
import { type Data, encode } from "../message/Message.ts";
import * as Committer from "./Committer.ts";
import { Database } from "./Database.ts";
import type { Decided, Entry, Fate, Parts } from "./Decide.ts";
import { GroupCommitError, IdReused, Overloaded, Poisoned } from "./Errors.ts";
import type { Identified, Machine, Versioned } from "./Machine.ts";
import type { MachineStore } from "./MachineStore.ts";
import * as GroupTrace from "./GroupTrace.ts";
import { InputLog, OutputLog } from "./Ports.ts";

/** A message taken from the bus: readable as an input of the machine, or poison from the start. */
export type Delivery<Input> =
  | {
      readonly _tag: "Readable";
      readonly input: Identified<Input>;
      /** Taken from the dead letters again: it is judged although its key is parked. */
      readonly redrive?: true | undefined;
    }
  | {
      readonly _tag: "Unreadable";
      readonly envelope: Envelope;
      readonly why: string;
      readonly redrive?: true | undefined;
    };

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

/** What a process knows of the states without asking its database. */
export interface Remembering<Key extends string, State> {
  /**
   * The state as this process last committed or read it, if that was at most `maxAgeMillis` ago: whatever this process has
   * answered is in it, what another process has committed within that age may not be. For reads that may be that old; a
   * decision never rests on it alone. Undefined: ask the database.
   */
  readonly recall: (key: Key, maxAgeMillis: number) => State | undefined;
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
const groupCommitMillis = Metric.histogram("destiny_group_commit_millis", { boundaries: millis });

interface Waiting<Input, Output, Rejection> {
  readonly entries: ReadonlyArray<Entry<Input>>;
  readonly queuedAt: number;
  readonly done: Deferred.Deferred<ReadonlyArray<Fate<Output, Rejection>>, GroupCommitError>;
}

export const make = Effect.fnUntraced(function* <Key extends string, State, Input, Output, Rejection>(
  options: Options<Key, State, Input, Output, Rejection>,
): Effect.fn.Return<
  GroupCommit<Input, Output, Rejection> & Remembering<Key, State>,
  never,
  Database | InputLog | OutputLog | Scope.Scope
> {
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
  };
  const fail = (reason: GroupCommitError["reason"]): GroupCommitError =>
    new GroupCommitError({ machine: machine.name, reason });

  // A machine never sees time run backwards, whichever host stamped the input; the commit decides who was first.
  let latest = 0;
  const forward = (entry: Entry<Input>): Entry<Input> => {
    latest = Math.max(latest, entry.input.at);
    return entry.input.at === latest ? entry : { ...entry, input: { ...entry.input, at: latest } };
  };

  type Fates = ReadonlyArray<Fate<Output, Rejection>>;

  const committer = Committer.make({ parts, database, limits, clock, onCommit: options.onCommit });

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
    return Effect.flatMap(Effect.exit(GroupTrace.traced(machine.name, entries, committer.commit(entries))), (exit) => {
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

  const submit = Effect.fnUntraced(function* (input: Identified<Input>) {
    const entry: Entry<Input> = { input, awaited: true };
    if (yield* database.joined) {
      const [fate] = yield* committer.join(forward(entry));
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

  return { submit, apply, recall: committer.recall };
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
        redrive: delivery.redrive,
        unreadable: delivery.why,
      };
