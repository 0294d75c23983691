/** What the transitions of a payment share. */
import { accept, type Verdict } from "../machine/Machine.ts";
import type { Attempt, Input, Intent, Output, Rejection } from "./PaymentModel.ts";

export type Result = Verdict<string, Intent, Output, Rejection>;

/** The input of that name. */
export type Of<Tag extends Input["_tag"]> = Extract<Input, { readonly _tag: Tag }>;

export const to = (intent: Intent, ...outputs: ReadonlyArray<Output>): Result =>
  accept([[intent.reference, intent]], outputs);
export const keep = (...outputs: ReadonlyArray<Output>): Result => accept([], outputs);

export const replaced = (intent: Intent, attempt: Attempt): Intent => ({
  ...intent,
  attempts: intent.attempts.map((one) => (one.no === attempt.no ? attempt : one)),
});

/** Whoever asked to undo, and had to wait until the outcome was known. */
export const answered = (intent: Intent): ReadonlyArray<Output> =>
  intent.refund === null ? [{ _tag: "Noted" }] : [{ _tag: "Voided", askedBy: intent.refund.askedBy }];

/** Closed before it was opened: an `Open` that comes late is refused. */
export const tombstone = (reference: string): Intent => ({
  reference,
  owner: "",
  name: "",
  amount: 0,
  provider: "",
  routes: [],
  until: 0,
  status: "closed",
  closing: null,
  refund: null,
  attempts: [],
});

/** @throws when the gateway answers about an attempt that nobody made. */
export const attemptOf = (
  known: Intent | undefined,
  { no, reference }: { readonly no: number; readonly reference: string },
): { readonly intent: Intent; readonly attempt: Attempt } => {
  const attempt = known?.attempts.find((one) => one.no === no);
  if (known === undefined || attempt === undefined) throw new Error(`no attempt ${no} of ${reference}`);
  return { intent: known, attempt };
};
