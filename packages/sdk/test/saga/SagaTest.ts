/**
 * Given, when, expect for sagas: a story is a value, each `when` decides one input, each `expect` looks at what it led to.
 *
 *     SagaTest.given(PlaceOrder, { orderId: "o1" })
 *       .expect({ sends: ["product.validate.v1"] })
 *       .when(done("validate products", { total: 5 }))
 */
import { assert } from "@effect/vitest";
import type { View } from "../../src/machine/Machine.ts";
import * as Message from "../../src/message/Message.ts";
import type { Draft } from "../../src/message/Envelope.ts";
import type { AnyDefinition, Definition } from "../../src/saga/Saga.ts";
import { canonical, hashOf, type JournalEntry, replay } from "../../src/saga/SagaJournal.ts";
import * as SagaMachine from "../../src/saga/SagaMachine.ts";
import * as SagaRegistry from "../../src/saga/SagaRegistry.ts";
import { type Action, type SagaInput, type SagaOutput, sagaIdOf, type SagaState } from "../../src/saga/SagaState.ts";

/** An input of the story's saga, or one made from where the story stands. */
export type When = Input | ((story: Story) => Input);
type Input = SagaInput extends infer I ? (I extends { readonly sagaId: string } ? Omit<I, "sagaId"> : never) : never;

export interface Expected {
  readonly situation?: SagaState["situation"] | "absent";
  readonly step?: string | null;
  /** Types of the messages that the last input caused. */
  readonly sends?: ReadonlyArray<string>;
  readonly rejected?: string;
  readonly failure?: SagaState["failure"];
  readonly data?: Record<string, unknown>;
  readonly outputs?: ReadonlyArray<SagaOutput["_tag"]>;
}

interface Fields {
  readonly options: SagaMachine.Options;
  readonly sagaId: string;
  readonly state: SagaState | undefined;
  readonly at: number;
  /** Of the last input, as is `rejected`. */
  readonly outputs: ReadonlyArray<SagaOutput>;
  readonly rejected: string | undefined;
  readonly journal: ReadonlyArray<JournalEntry>;
}

export class Story {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }

  get sagaId(): string {
    return this.fields.sagaId;
  }

  get options(): SagaMachine.Options {
    return this.fields.options;
  }

  get state(): SagaState | undefined {
    return this.fields.state;
  }

  get at(): number {
    return this.fields.at;
  }

  get outputs(): ReadonlyArray<SagaOutput> {
    return this.fields.outputs;
  }

  get drafts(): ReadonlyArray<Draft> {
    return this.outputs.flatMap((output) => (output._tag === "Send" ? [output.draft] : []));
  }

  /** Decides one input, now. */
  when(when: When): Story {
    const input = { ...(typeof when === "function" ? when(this) : when), sagaId: this.sagaId } as SagaInput;
    const version = this.fields.journal.length;
    const view: View<string, SagaState> = { get: () => this.state, version: () => version };
    const id = `input-${version + 1}`;
    const verdict = SagaMachine.make(this.options).decide(view, { id, at: this.at, input });
    const after = verdict.changes.get(this.sagaId);
    const outputs = verdict._tag === "Accepted" ? verdict.outputs : [];
    const entry: JournalEntry = {
      sagaId: this.sagaId,
      version: version + 1,
      inputId: id,
      input,
      at: this.at,
      outputsHash: hashOf(outputs),
      emitted: [],
    };
    return new Story({
      ...this.fields,
      state: after ?? this.state,
      outputs,
      rejected: verdict._tag === "Rejected" ? verdict.rejection.reason._tag : undefined,
      journal: after === undefined ? this.fields.journal : [...this.fields.journal, entry],
    });
  }

  /** Lets time pass; nothing is decided. */
  after(millis: number): Story {
    return new Story({ ...this.fields, at: this.at + millis });
  }

  /** Goes to the saga's next wake-up and lets the sweeper come. */
  due(): Story {
    assert.isNumber(this.state?.wakeAt, "the saga has no next wake-up");
    return this.after(Math.max(0, (this.state?.wakeAt ?? 0) - this.at)).when({ _tag: "Due" });
  }

  expect(expected: Expected): Story {
    if ("situation" in expected) assert.strictEqual(this.state?.situation ?? "absent", expected.situation);
    if ("step" in expected) assert.strictEqual(this.state?.step, expected.step);
    if ("sends" in expected)
      assert.deepStrictEqual(
        this.drafts.map((draft) => draft.type),
        expected.sends,
      );
    if ("rejected" in expected) assert.strictEqual(this.fields.rejected, expected.rejected);
    if ("failure" in expected) assert.deepStrictEqual(this.state?.failure, expected.failure);
    if ("data" in expected) assert.deepInclude(this.state?.data as object, expected.data ?? {});
    if ("outputs" in expected)
      assert.deepStrictEqual(
        this.outputs.map((output) => output._tag),
        expected.outputs,
      );
    return this;
  }

  /** The journal of a story must replay to the story, as it would when read back from the database. */
  expectReplay(definitions: ReadonlyArray<AnyDefinition> = this.options.registry.definitions): Story {
    const stored = JSON.parse(canonical(this.fields.journal)) as ReadonlyArray<JournalEntry>;
    const options = { ...this.options, registry: SagaRegistry.make(definitions) };
    assert.deepStrictEqual(replay(options, stored, this.state as SagaState), {
      _tag: "Same",
      entries: this.fields.journal.length,
    });
    return this;
  }
}

/** Before anything happened. */
export const absent = (definition: AnyDefinition, key: string): Story =>
  new Story({
    options: { registry: SagaRegistry.make([definition]), replyTo: "saga.replies" },
    sagaId: sagaIdOf(definition.name, key),
    state: undefined,
    at: 1_000_000,
    outputs: [],
    rejected: undefined,
    journal: [],
  });

export const start = <Input>(definition: Definition<Input>, input: Input): When => ({
  _tag: "Start",
  definition: definition.name,
  version: definition.version,
  key: definition.key(input),
  input: Message.encode(definition.input, input),
  correlationId: "c1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
});

export const given = <Input>(definition: Definition<Input>, input: Input): Story =>
  absent(definition, definition.key(input)).when(start(definition, input));

/** The answer to the operation that `what` names, such as `hold stock/do`. */
export const reply =
  (what: string, answer: Message.Reply<unknown, unknown>): When =>
  ({ sagaId }) => ({ _tag: "Reply", operationId: `${sagaId}/${what}`, reply: answer });

export const done = (step: string, value: unknown = {}): When => reply(`${step}/do`, { _tag: "Done", value });
export const refused = (step: string, reason = "no"): When =>
  reply(`${step}/do`, { _tag: "Refused", reason: { reason } });
export const undone = (step: string): When => reply(`${step}/undo`, { _tag: "Done", value: {} });

export const event = <Payload>(definition: Message.Event<string, Payload>, payload: Payload): When => ({
  _tag: "Event",
  type: definition.type,
  payload: Message.encode(definition.payload, payload),
});

export const cancel = (reason = "CHANGED_MIND"): When => ({ _tag: "Cancel", reason });
export const operate = (action: Action): When => ({ _tag: action, actor: "kim", note: "seen" });
