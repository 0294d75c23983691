import type { Machine } from "@destiny/sdk/machine";
import { QuotaMachine, QuotaStore, QuotaTables } from "@destiny/sdk/quota";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";

type Input = QuotaMachine.Input;

/** More beginnings than ends, so that histories get far. */
const mostly = ["Issue", "Claim", "Issue", "Issue"] as const;
const Step = Schema.Struct({
  kind: Schema.Literals(["Define", ...mostly, ...mostly, "Define", "Raise", "Close", "Revoke", "Release"]),
  quota: Schema.Literals(["q1", "q2"]),
  subject: Schema.Literals(["s1", "s/2", "s3"]),
  limit: Schema.NullOr(Schema.Literals([2, 3])),
  order: Schema.Literals(["o1", "o2"]),
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
});
type Step = typeof Step.Type;

const define = (quotaId: string, limit: number | null, opensAt = 0): Input => ({
  _tag: "Define",
  quotaId,
  limit,
  opensAt,
  closesAt: null,
});

const input = (
  step: Step,
  { at, name, serial }: MachineStoreSuite.Place,
  view: Machine.View<QuotaMachine.Key, QuotaMachine.State>,
): Input => {
  const quotaId = name(step.quota);
  const held = view.get(QuotaMachine.holderKey(quotaId, step.subject));
  const grantId = (held?._tag === "Holder" ? held.grant?.grantId : undefined) ?? name("nothing");
  switch (step.kind) {
    case "Define":
      return define(quotaId, step.limit, at);
    case "Raise":
      return { _tag: "Raise", quotaId, limit: step.limit };
    case "Close":
      return { _tag: "Close", quotaId };
    case "Issue":
      return {
        _tag: "Issue",
        quotaId,
        subject: step.subject,
        grantId: name(`grant ${serial}`),
        until: step.limit === null ? null : at + 5000,
        data: { [step.text]: [step.text, 1.5, null, true] },
      };
    case "Revoke":
      return { _tag: "Revoke", quotaId, grantId };
    case "Claim":
    case "Release":
      return { _tag: step.kind, grantId, by: `${step.text} ${step.order}` };
  }
};

const cases: MachineStoreSuite.Cases<
  QuotaMachine.Key,
  QuotaMachine.State,
  Input,
  QuotaMachine.Output,
  QuotaMachine.Rejection,
  Step
> = {
  machine: QuotaMachine.machine,
  output: QuotaMachine.Output,
  rejection: QuotaMachine.Rejection,
  creates: (quotaId) => [define(quotaId, 1)],
  changes: (quotaId, which) => ({ _tag: "Raise", quotaId, limit: 2 + which }),
  rejected: (quotaId) => ({ _tag: "Revoke", quotaId, grantId: "nothing" }),
  step: Step,
  input,
  derived: (key) => key.startsWith("holder/"),
};

MachineStoreSuite.suite("QuotaStore in memory", cases, MachineStoreSuite.memory(QuotaStore.makeMemory));
MachineStoreSuite.suite(
  "QuotaStore in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({
    port: inject("pgPort"),
    migrations: [QuotaTables.migrations],
    store: QuotaStore.make,
  }),
);
