/**
 * The span of a group's commit.
 *
 * A group commits inputs of several traces at once, in a fiber that whichever caller came first has started: without a span of
 * its own, everything would hang on that caller. It hangs on its first input that belongs to a trace, and is linked to the
 * others. Where nothing is recorded there is none.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Tracer from "effect/Tracer";
import * as TraceContext from "../message/TraceContext.ts";
import type { Entry } from "./Decide.ts";

const parentsOf = (entries: ReadonlyArray<Entry<unknown>>): ReadonlyArray<Tracer.ExternalSpan> => {
  const traceparents = new Set(entries.map(({ input }) => input.envelope?.traceparent ?? input.traceparent));
  return [...traceparents].flatMap((traceparent) => TraceContext.parse(traceparent) ?? []);
};

const recorded = <A, E>(
  machine: string,
  entries: ReadonlyArray<Entry<unknown>>,
  commit: Effect.Effect<A, E>,
): Effect.Effect<A, E> => {
  const [parent, ...others] = parentsOf(entries);
  // Nobody's: a sweep.
  if (parent === undefined)
    return Effect.updateContext(commit, (context: Context.Context<never>) =>
      Context.omit(Tracer.ParentSpan)(context as Context.Context<Tracer.ParentSpan>),
    );
  return Effect.withSpan(commit, `commit ${machine}`, {
    parent,
    links: others.map((span) => ({ span, attributes: {} })),
    attributes: { "destiny.group.inputs": entries.length },
    captureStackTrace: false,
  });
};

export const traced = <A, E>(
  machine: string,
  entries: ReadonlyArray<Entry<unknown>>,
  commit: Effect.Effect<A, E>,
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => (fiber.getRef(TraceContext.Recording) ? recorded(machine, entries, commit) : commit));
