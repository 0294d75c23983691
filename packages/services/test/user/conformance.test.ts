import { Machine, MachineStore } from "@destiny/sdk/machine";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import { UserId, Won } from "../../src/contracts/index.ts";
import { machine, type PurchaseInput, Purchases } from "../../src/user/Domain.ts";
import { makeStore } from "../../src/user/Purchases.ts";
import { uuidOf } from "../shared/Named.ts";
import * as Store from "../../src/user/Store.ts";

/** Nothing is refused of what was sold; the suite asks how a store bears with a refusal, so one is added. */
const Refused = Schema.TaggedStruct("Refused", {});
type Refused = typeof Refused.Type;
type Input = PurchaseInput | { readonly _tag: "Refuse"; readonly userId: UserId };

const refusing: Machine.Machine<UserId, Purchases, Input, Purchases, Refused> = {
  name: machine.name,
  keys: ({ userId }) => [userId],
  decide: (view, asked) => {
    const { input } = asked;
    return input._tag === "Refuse" ? Machine.reject({ _tag: "Refused" }) : machine.decide(view, { ...asked, input });
  },
};

/** The user who is called so. */
const userIdOf = (name: string): UserId => UserId.make(uuidOf(name));

const Step = Schema.Struct({
  kind: Schema.Literals(["Bought", "Bought", "GaveBack", "Refuse"]),
  user: Schema.Literals(["u1", "u2", "u3"]),
  /** The last is more than 32 bits hold. */
  amount: Schema.Literals([0, 1000, 9_000_000_000]),
});
type Step = typeof Step.Type;

const bought = (userId: UserId, amount: number): Input => ({ _tag: "Bought", userId, amount: Won.make(amount) });

const cases: MachineStoreSuite.Cases<UserId, Purchases, Input, Purchases, Refused, Step> = {
  machine: refusing,
  output: Purchases,
  rejection: Refused,
  creates: (name) => [bought(userIdOf(name), 5000)],
  changes: (name, which) => bought(userIdOf(name), which === 0 ? 1 : 20),
  rejected: (name) => ({ _tag: "Refuse", userId: userIdOf(name) }),
  step: Step,
  input: ({ amount, kind, user }, { name }) => {
    const userId = userIdOf(name(user));
    return kind === "Refuse" ? { _tag: kind, userId } : { _tag: kind, userId, amount: Won.make(amount) };
  },
};

MachineStoreSuite.suite(
  "purchases in memory",
  cases,
  MachineStoreSuite.memory(() => MachineStore.makeMemory()),
);
MachineStoreSuite.suite(
  "purchases in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({
    port: inject("pgPort"),
    migrations: [Store.migrations],
    // It looks at states alone, whatever was asked.
    store: (sql) => makeStore(sql) as MachineStore.MachineStore<UserId, Purchases, Input, Purchases, Refused>,
  }),
);
