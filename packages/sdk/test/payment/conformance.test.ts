import type { Machine } from "@destiny/sdk/machine";
import { PaymentMachine, PaymentStore, PaymentTables } from "@destiny/sdk/payment";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";

type Input = PaymentMachine.Input;

const kinds = [
  "Open",
  "BeginConfirm",
  "Record",
  "Reissue",
  "BeginVoid",
  "Close",
  "Refund",
  "Void",
  "RecordReturn",
] as const;
const Step = Schema.Struct({
  // More beginnings than ends, so that histories get far.
  kind: Schema.Literals([...kinds, "Open", "Open", "Open", "BeginConfirm", "BeginConfirm", "Record", "Reissue"]),
  reference: Schema.Literals(["o1", "o2"]),
  outcome: Schema.Literals(["Approved", "Approved", "Declined", "NotSent", "Unknown", "Pending"]),
  source: Schema.Literals(["confirm", "resend", "inquiry"]),
  returned: Schema.Literals(["Cancelled", "Refused", "Unknown"]),
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
  flag: Schema.Boolean,
});
type Step = typeof Step.Type;

/** More than 32 bits hold. */
const amount = 9_000_000_000;

const outcomeOf = ({ flag, outcome, text }: Step, at: number): Extract<Input, { _tag: "Record" }>["outcome"] => {
  switch (outcome) {
    case "Approved":
      return { _tag: outcome, amount, approvedAt: at };
    case "Declined":
      return { _tag: outcome, kind: "hard", code: text, message: text };
    case "NotSent":
      return { _tag: outcome, reason: "connect" };
    case "Unknown":
      return { _tag: outcome, why: text, answered: flag };
    case "Pending":
      return { _tag: outcome };
  }
};

const open = (reference: string, name: string, until: number): Input => ({
  _tag: "Open",
  reference,
  owner: "owner",
  name,
  amount,
  provider: "toss",
  explanation: null,
  until,
});
const begin = (reference: string, owner: string, paymentKey: string, inquireAt: number, provider = "toss"): Input => ({
  _tag: "BeginConfirm",
  reference,
  owner,
  provider,
  paymentKey,
  amount,
  runId: `run ${paymentKey}`,
  inquireAt,
});

const input = (
  step: Step,
  { at, name, serial }: MachineStoreSuite.Place,
  view: Machine.View<string, PaymentMachine.Intent>,
): Input => {
  const reference = name(step.reference);
  const nextActionAt = at + 1000;
  const intent = view.get(reference);
  const provider = intent?.provider ?? "toss";
  const no = intent?.attempts.length ?? 0;
  switch (step.kind) {
    case "Open":
      return open(reference, step.text, at + 60_000);
    case "BeginConfirm":
      return begin(reference, "owner", `${step.text} ${serial}`, nextActionAt, provider);
    case "Record":
      return {
        _tag: "Record",
        reference,
        no,
        outcome: outcomeOf(step, at),
        source: step.source,
        nextActionAt,
      };
    case "Reissue": {
      const considered = [{ provider: step.text, weight: 0.5, finding: "open", share: 0 }] as const;
      const explanation = { chosen: step.text, method: null, draw: 0.25, considered };
      return {
        _tag: "Reissue",
        reference,
        owner: "owner",
        from: provider,
        to: { provider: `${step.text} ${serial}`, explanation },
        unusable: step.flag,
        settleMillis: 0,
        inquireAt: nextActionAt,
        guardUntil: nextActionAt,
      };
    }
    case "BeginVoid":
      return { _tag: "BeginVoid", reference, no, nextActionAt };
    case "Close":
      return { _tag: "Close", reference, cancel: step.flag };
    case "Refund":
    case "Void":
      return { _tag: step.kind, reference, reason: step.text, askedBy: { [step.text]: step.text } };
    case "RecordReturn": {
      const outcome = step.returned === "Refused" ? { _tag: step.returned, code: step.text } : { _tag: step.returned };
      return { _tag: "RecordReturn", reference, no, outcome, nextActionAt };
    }
  }
};

const cases: MachineStoreSuite.Cases<
  string,
  PaymentMachine.Intent,
  Input,
  PaymentMachine.Output,
  PaymentMachine.Rejection,
  Step
> = {
  machine: PaymentMachine.machine,
  output: PaymentMachine.Output,
  rejection: PaymentMachine.Rejection,
  creates: (reference) => [open(reference, "two of them", 4e12), begin(reference, "owner", "key", 2e12)],
  changes: (reference, which) => ({
    _tag: "Record",
    reference,
    no: 1,
    outcome: { _tag: "Unknown", why: `time-out ${which}`, answered: false },
    source: "inquiry",
    nextActionAt: 2e12,
  }),
  rejected: (reference) => begin(reference, "somebody else", "key", 2e12),
  step: Step,
  input,
};

MachineStoreSuite.suite("PaymentStore in memory", cases, MachineStoreSuite.memory(PaymentStore.makeMemory));
MachineStoreSuite.suite(
  "PaymentStore in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({
    port: inject("pgPort"),
    migrations: [PaymentTables.migrations],
    store: PaymentStore.make,
  }),
);
