/** One intent of a test, decided by the machine without a store; and what can happen to it. */
import type { Machine } from "@destiny/sdk/machine";
import { PaymentMachine } from "@destiny/sdk/payment";

export type Input = PaymentMachine.Input;
export type Intent = PaymentMachine.Intent;

export const desk = () => {
  let intent: Machine.Versioned<Intent> | undefined;
  const outputs: Array<PaymentMachine.Output> = [];
  const view: Machine.View<string, Intent> = {
    get: () => intent?.state,
    version: () => intent?.version ?? 0,
  };
  return {
    intent: () => intent?.state,
    outputs,
    apply: (input: Input, at = 0) => {
      const verdict = PaymentMachine.machine.decide(view, { id: "i", at, input });
      for (const [, state] of verdict.changes) intent = { version: view.version("o") + 1, state };
      if (verdict._tag === "Rejected") return verdict.rejection._tag;
      outputs.push(...verdict.outputs);
      return verdict.outputs.map((output) => output._tag).join(" ");
    },
  };
};

export const open: Input = {
  _tag: "Open",
  reference: "o",
  owner: "u",
  name: "n",
  amount: 1000,
  provider: "toss",
  explanation: null,
  until: 100,
};
export const begin = (paymentKey: string, changes: Partial<Extract<Input, { _tag: "BeginConfirm" }>> = {}): Input => ({
  _tag: "BeginConfirm",
  reference: "o",
  owner: "u",
  provider: "toss",
  amount: 1000,
  paymentKey,
  runId: `run ${paymentKey}`,
  inquireAt: 50,
  ...changes,
});
export const approved = { _tag: "Approved", amount: 1000, approvedAt: 1 } as const;
export const declined = { _tag: "Declined", kind: "hard", code: "REJECT", message: "no" } as const;
export const unknown = { _tag: "Unknown", why: "time-out", answered: false } as const;
export const record = (
  no: number,
  outcome: Extract<Input, { _tag: "Record" }>["outcome"],
  source: "confirm" | "resend" | "inquiry" = "confirm",
): Input => ({ _tag: "Record", reference: "o", no, outcome, source, nextActionAt: 10 });
export const close = (cancel: boolean): Input => ({ _tag: "Close", reference: "o", cancel });
export const returned = (no: number): Input => ({
  _tag: "RecordReturn",
  reference: "o",
  no,
  outcome: { _tag: "Cancelled" },
  nextActionAt: 10,
});
export const asker = { command: "void" };

export const settleMillis = 20;
export const guardUntil = 80;
export const reissue = (
  from: string,
  to: string | null,
  changes: Partial<Extract<Input, { _tag: "Reissue" }>> = {},
): Input => ({
  _tag: "Reissue",
  reference: "o",
  owner: "u",
  from,
  to: to === null ? null : { provider: to, explanation: null },
  unusable: false,
  settleMillis,
  inquireAt: 50,
  guardUntil,
  ...changes,
});
export const beginVoid = (no: number): Input => ({ _tag: "BeginVoid", reference: "o", no, nextActionAt: 60 });
