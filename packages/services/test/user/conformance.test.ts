import { Machine, MachineStore } from "@destiny/sdk/machine";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import { OrderId, UserId, Won } from "../../src/contracts/index.ts";
import { Answer, type Key, machine, type PurchaseInput, type State, userKey } from "../../src/user/Domain.ts";
import { makeStore } from "../../src/user/Purchases.ts";
import { uuidOf } from "../shared/Named.ts";
import * as Store from "../../src/user/Store.ts";

/** Nothing is refused of what was sold, and all of it concerns two states; the suite asks for a refusal and for a change of one. */
const Refused = Schema.TaggedStruct("Refused", {});
type Refused = typeof Refused.Type;
type Input =
  | PurchaseInput
  | { readonly _tag: "Refuse"; readonly userId: UserId }
  | { readonly _tag: "Set"; readonly userId: UserId; readonly total: number };

const refusing: Machine.Machine<Key, State, Input, Answer, Refused> = {
  name: machine.name,
  keys: (input) => (input._tag === "Refuse" || input._tag === "Set" ? [userKey(input.userId)] : machine.keys(input)),
  decide: (view, asked) => {
    const { input } = asked;
    if (input._tag === "Refuse") return Machine.reject({ _tag: "Refused" });
    if (input._tag !== "Set") return machine.decide(view, { ...asked, input });
    const { total, userId } = input;
    return Machine.accept([[userKey(userId), { _tag: "Purchases", userId, total }]], [{ _tag: "Noted" }]);
  },
};

/** The user who is called so. */
const userIdOf = (name: string): UserId => UserId.make(uuidOf(name));

const Step = Schema.Struct({
  kind: Schema.Literals(["Bought", "Bought", "GaveBack", "Refuse"]),
  user: Schema.Literals(["u1", "u2", "u3"]),
  order: Schema.Literals(["o1", "o2", "o3"]),
  /** The last is more than 32 bits hold. */
  amount: Schema.Literals([0, 1000, 9_000_000_000]),
});
type Step = typeof Step.Type;

/** An order of that user. */
const sold = (user: string, order: string, amount: number) => ({
  userId: userIdOf(user),
  orderId: OrderId.make(uuidOf(`${user} ${order}`)),
  amount: Won.make(amount),
});

const cases: MachineStoreSuite.Cases<Key, State, Input, Answer, Refused, Step> = {
  machine: refusing,
  output: Answer,
  rejection: Refused,
  creates: (name) => [{ _tag: "Set", userId: userIdOf(name), total: 5000 }],
  changes: (name, which) => ({ _tag: "Set", userId: userIdOf(name), total: which === 0 ? 1 : 20 }),
  rejected: (name) => ({ _tag: "Refuse", userId: userIdOf(name) }),
  step: Step,
  input: ({ amount, kind, order, user }, { name }) =>
    kind === "Refuse"
      ? { _tag: kind, userId: userIdOf(name(user)) }
      : { _tag: kind, ...sold(name(user), order, amount) },
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
    store: (sql) => makeStore(sql) as MachineStore.MachineStore<Key, State, Input, Answer, Refused>,
  }),
);
