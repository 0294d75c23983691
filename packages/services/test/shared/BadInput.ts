/** Bad requests to an endpoint, made of a good one and of what its contract says. */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as SchemaAST from "effect/SchemaAST";
import { type Endpoint, someId, valueOf } from "./Endpoints.ts";

/** Values that some type, bound or column has been known to stumble over. */
const awkward: ReadonlyArray<unknown> = [
  {},
  [],
  null,
  true,
  "",
  " ",
  "x",
  "\0 the end of a string",
  "half a pair \ud800",
  "x".repeat(20_000),
  "../../etc/passwd",
  "'; DROP TABLE users; --",
  -1,
  0,
  0.5,
  2 ** 31,
  2 ** 53,
  1e308,
];

type Slot = ReadonlyArray<string | number>;

/** Every place of a JSON value, the whole itself not among them. */
const slotsOf = (value: unknown, at: Slot = []): ReadonlyArray<Slot> => {
  if (typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, member]: [string | number, unknown]) => {
    const slot = [...at, key];
    return [slot, ...slotsOf(member, slot)];
  });
};

const absent = Symbol("absent");

const replaced = (value: unknown, [key, ...rest]: Slot, by: unknown): unknown => {
  if (key === undefined) return by;
  const copy: unknown = structuredClone(value);
  const holder = copy as Record<string | number, unknown>;
  const next = replaced(holder[key], rest, by);
  if (next === absent) delete holder[key];
  else holder[key] = next;
  return copy;
};

/** As problems name a field. */
const fieldOf = (slot: Slot): string =>
  slot.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");

export interface Variant {
  /** The one field that differs from the good request. */
  readonly field: string;
  readonly value: unknown;
  readonly body: unknown;
}

/** The good body with one field replaced by something awkward, or left out. */
export const variantsOf = (good: unknown): ReadonlyArray<Variant> =>
  slotsOf(good).flatMap((slot) => {
    const isElement = typeof slot.at(-1) === "number";
    // An element that is left out is the array's fault, and one without its own fields theirs.
    const values = isElement ? awkward.filter((value) => !isEmptyObject(value)) : [absent, ...awkward];
    return values.map((value) => ({ field: fieldOf(slot), value, body: replaced(good, slot, value) }));
  });

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** Every field that holds no others replaced by what no field takes. */
export const allWrong = (good: unknown): { readonly body: unknown; readonly fields: ReadonlyArray<string> } => {
  const leaves = slotsOf(good).filter((slot, _, all) => !all.some((other) => isInside(other, slot)));
  return {
    body: leaves.reduce<unknown>((body, slot) => replaced(body, slot, { wrong: true }), good),
    fields: leaves.map(fieldOf),
  };
};

const isInside = (slot: Slot, of: Slot): boolean => slot.length > of.length && of.every((key, at) => slot[at] === key);

const accepts = (schema: Schema.Constraint) => {
  const decode = Schema.decodeUnknownResult(schema as Schema.Codec<unknown>);
  return (value: unknown): boolean => Result.isSuccess(decode(value));
};

/** The schema of the endpoint's JSON body; undefined if it takes none. */
export const bodySchemaOf = ({ contract }: Endpoint): Schema.Constraint | undefined => {
  const declared = contract.payload.get("application/json");
  return declared?.encoding._tag === "Json" ? Schema.Union(declared.schemas) : undefined;
};

/** What the contract itself lets through. */
export const acceptsBody = (endpoint: Endpoint): ((body: unknown) => boolean) => {
  const schema = bodySchemaOf(endpoint);
  return schema === undefined ? () => true : accepts(schema);
};

/** The names of a struct's fields, as they are sent. */
const namesOf = (schema: Schema.Constraint): ReadonlyArray<string> => {
  const sent = SchemaAST.toEncoded(schema.ast);
  return sent._tag === "Objects" ? sent.propertySignatures.map(({ name }) => String(name)) : [];
};

/** Of the endpoint's JSON body, whatever of it may be left out. */
export const fieldsOfBody = ({ contract }: Endpoint): ReadonlyArray<string> =>
  (contract.payload.get("application/json")?.schemas ?? []).flatMap(namesOf);

export type Parameter = readonly [name: string, value: string];

/** More than a request line holds: Node refuses it before any contract is asked. */
const maxQueryValue = 10_000;

const texts = [
  ...awkward.filter((value) => typeof value === "string" || typeof value === "number").map(String),
  "101",
  "1e9",
];

/** Every query parameter with each value that the contract refuses. */
export const badQueriesOf = ({ contract: { query } }: Endpoint): ReadonlyArray<Parameter> => {
  if (query === undefined) return [];
  const takes = accepts(Schema.toCodecArrayFromSingle(query));
  return namesOf(query).flatMap((name) =>
    // A URL is well formed: half a pair cannot be sent.
    texts
      .filter((value) => value.isWellFormed() && value.length <= maxQueryValue)
      .filter((value) => !takes({ [name]: value }))
      .map((value) => [name, value] as const),
  );
};

/** Longer ones the router does not take for a parameter at all. */
const maxPathValue = 100;

/** Every parameter of the path with each value that the contract refuses. */
export const badPathsOf = ({ contract: { params, path } }: Endpoint): ReadonlyArray<Parameter> => {
  if (params === undefined) return [];
  const takes = accepts(params);
  const names = namesOf(params);
  const good = Object.fromEntries(names.map((name) => [name, valueOf(name)]));
  const isOnePlace = (value: string) => value !== "" && value.length <= maxPathValue && value.isWellFormed();
  const values = [...texts, someId.toUpperCase()].filter(isOnePlace);
  return names
    .filter((name) => path.includes(`:${name}`))
    .flatMap((name) =>
      values.filter((value) => !takes({ ...good, [name]: value })).map((value) => [name, value] as const),
    );
};

/** Whether a request has to say which one it is. */
export const takesKey = ({ contract: { headers } }: Endpoint): boolean =>
  headers !== undefined && namesOf(headers).includes("idempotency-key");
