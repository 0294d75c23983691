/** The machine alone, with its states in a map: what a group commit over any store has to amount to. */
import type { Machine } from "@destiny/sdk/machine";
import type { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { accepted, type Answer, rejected } from "./Owner.ts";
import { place, stamped, type Subject, type Types } from "./Subject.ts";

const maxSteps = 40;

/** How a history is tried: long ones, because what is far from the beginning is what goes wrong. */
export const checked = (runs: number) => ({ arbitrary: { runs, size: maxSteps } });

export const stepsOf = <T extends Types, R>(subject: Subject<T, R>): Message.Data<ReadonlyArray<T["step"]>> =>
  Schema.Array(subject.step).check(Schema.isBetweenLength(1, maxSteps));

/** What comes of the steps, one after the other, when no other history has the names of `run`. */
export const history = <T extends Types, R>(subject: Subject<T, R>, run: string, steps: ReadonlyArray<T["step"]>) => {
  const { machine } = subject;
  const states = new Map<T["key"], Machine.Versioned<T["state"]>>();
  const keys = new Set<T["key"]>();
  const told = new Map<T["key"], Array<number>>();
  const view: Machine.View<T["key"], T["state"]> = {
    get: (key) => states.get(key)?.state,
    version: (key) => states.get(key)?.version ?? 0,
  };
  const decide = (input: Machine.Identified<T["input"]>): Answer => {
    for (const key of machine.keys(input.input)) keys.add(key);
    let verdict: ReturnType<typeof machine.decide>;
    try {
      verdict = machine.decide(view, input);
    } catch {
      return { _tag: "Poisoned" };
    }
    for (const [key, state] of verdict.changes) {
      const version = view.version(key) + 1;
      keys.add(key);
      states.set(key, { version, state });
      told.set(key, [...(told.get(key) ?? []), version]);
    }
    return verdict._tag === "Accepted" ? accepted(subject, verdict.outputs) : rejected(subject, verdict.rejection);
  };
  const decided = steps.map((step) => {
    const here = place(run);
    const input = stamped(subject.input(step, here, view), here);
    return { input, answer: decide(input) };
  });
  return {
    inputs: decided.map(({ input }) => input),
    answers: decided.map(({ answer }) => answer),
    /** Every key that was named or changed and has a state of its own. */
    keys: [...keys].filter((key) => subject.derived?.(key) !== true),
    states,
    /** The versions of each key that there were, in order. */
    told,
  };
};
