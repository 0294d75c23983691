/** The machine's states in PostgreSQL: templates and uses here, quotas and grants in the SDK's store. */
import { type Machine, MachineStore } from "@destiny/sdk/machine";
import { type QuotaMachine, QuotaStore } from "@destiny/sdk/quota";
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import { OrderId } from "../contracts/index.ts";
import {
  templateOf,
  type TemplateRow,
  templateRow,
  templateTable,
  useOf,
  type UseRow,
  useRow,
  useTable,
} from "./Rows.ts";
import {
  type Answer,
  codeKey,
  type CouponInput,
  type Key,
  type Rejection,
  type State,
  type Template,
  templateKey,
  type Use,
  useKey,
} from "./State.ts";

type Store = MachineStore.MachineStore<Key, State, CouponInput, Answer, Rejection>;

const idsOf = (keys: ReadonlyArray<Key>, kind: string): ReadonlyArray<string> =>
  keys.filter((key) => key.startsWith(kind)).map((key) => key.slice(kind.length));

const isOwn = (key: Key): boolean => /^(template|code|use)\//.test(key);

export const make = (sql: SqlClient): Store => {
  const loadQuotas = QuotaStore.load(sql);
  const loadTemplates = (ids: ReadonlyArray<string>, codes: ReadonlyArray<string>) =>
    sql<TemplateRow>`SELECT * FROM coupon_template
      WHERE id = ${Bulk.any(sql, "uuid", ids)} OR code = ${Bulk.any(sql, "text", codes)} ORDER BY id FOR NO KEY UPDATE`;
  const loadUses = (ids: ReadonlyArray<string>) =>
    sql<UseRow>`SELECT * FROM coupon_use
      WHERE order_id = ${Bulk.any(sql, "uuid", ids)} ORDER BY order_id FOR NO KEY UPDATE`;

  return {
    /** Templates, quotas, grants, uses: in this order, everywhere. */
    load: Effect.fnUntraced(function* (keys) {
      const states = new Map<Key, Machine.Versioned<State>>();
      const [templates, codes, uses] = [idsOf(keys, "template/"), idsOf(keys, "code/"), idsOf(keys, "use/")];
      const wanted = new Set(keys);
      for (const row of templates.length + codes.length === 0 ? [] : yield* loadTemplates(templates, codes)) {
        const { version } = row;
        const template = templateOf(row);
        if (wanted.has(templateKey(template.id))) states.set(templateKey(template.id), { version, state: template });
        if (wanted.has(codeKey(template.code)))
          states.set(codeKey(template.code), { version, state: { _tag: "Code", templateId: template.id } });
      }
      const quotas = keys.filter((key): key is QuotaMachine.Key => !isOwn(key));
      for (const [key, state] of quotas.length === 0 ? [] : yield* loadQuotas(quotas)) states.set(key, state);
      for (const row of uses.length === 0 ? [] : yield* loadUses(uses)) {
        states.set(useKey(OrderId.make(row.order_id)), { version: row.version, state: useOf(row) });
      }
      return states;
    }),
    guard: (versions) => {
      const of = (kind: string) =>
        new Map(
          [...versions].flatMap(([key, version]) =>
            key.startsWith(kind) ? [[key.slice(kind.length), version] as const] : [],
          ),
        );
      const [templates, codes, uses] = [of("template/"), idsOf([...versions.keys()], "code/"), of("use/")];
      const quotas = new Map([...versions].filter((one): one is [QuotaMachine.Key, number] => !isOwn(one[0])));
      return [
        ...(templates.size === 0 ? [] : [MachineStore.stateGuard(sql, templateTable, templates)]),
        // A code that is taken is read under the lock.
        ...(codes.length === 0
          ? []
          : [
              {
                name: "codes_guarded",
                statement: sql`SELECT false AS ok FROM coupon_template WHERE code = ${Bulk.any(sql, "text", codes)}`,
                rows: 0,
              },
            ]),
        ...QuotaStore.guard(sql, quotas),
        ...(uses.size === 0 ? [] : [MachineStore.stateGuard(sql, useTable, uses)]),
      ];
    },
    write: ({ changes }) => {
      const templates = new Map<Key, MachineStore.Change<Template>>();
      const uses = new Map<Key, MachineStore.Change<Use>>();
      const quotas = new Map<QuotaMachine.Key, MachineStore.Change<QuotaMachine.State>>();
      for (const [key, change] of changes) {
        const { _tag } = change.after.state;
        if (_tag === "Template") templates.set(key, change as MachineStore.Change<Template>);
        else if (_tag === "Use") uses.set(key, change as MachineStore.Change<Use>);
        else if (_tag !== "Code")
          quotas.set(key as QuotaMachine.Key, change as MachineStore.Change<QuotaMachine.State>);
      }
      return [
        ...MachineStore.stateWrites(sql, templateTable, MachineStore.changedRows(templates, templateRow)),
        ...QuotaStore.writes(sql, quotas),
        ...MachineStore.stateWrites(sql, useTable, MachineStore.changedRows(uses, useRow)),
      ];
    },
  };
};
