/** Every endpoint of every service against bad input: what is refused, how, and that it leaves nothing behind. */
import { assert, describe, it, layer } from "@effect/vitest";
import { Service } from "@destiny/sdk/service";
import * as Effect from "effect/Effect";
import {
  acceptsBody,
  allWrong,
  badPathsOf,
  badQueriesOf,
  bodySchemaOf,
  fieldsOfBody,
  takesKey,
  variantsOf,
} from "./BadInput.ts";
import { apis, type Endpoint, endpoints, endpointsOf, pathOf, valueOf } from "./Endpoints.ts";
import { bodies } from "./Examples.ts";
import { assertNamed, assertNotEchoed, assertRefused, leavingNothing, sendTo } from "./Refusals.ts";
import { roomOf } from "./Rooms.ts";
import { ServiceTest } from "./ServiceTest.ts";
import { fieldsOf } from "./TestHttp.ts";

const eachField = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const send = yield* sendTo(endpoint);
  const isGood = acceptsBody(endpoint);
  const bad = variantsOf(bodies[endpoint.name]).filter(({ body }) => !isGood(body));
  assert.isNotEmpty(bad);
  for (const { body, field, value } of bad) {
    const sent = yield* send({ body });
    assertNamed(sent, [field], `${field} in ${JSON.stringify(body).slice(0, 2000)}:`);
    assertNotEchoed(sent.answer, value);
  }
});

const allFields = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const { body, fields } = allWrong(bodies[endpoint.name]);
  assertNamed(yield* (yield* sendTo(endpoint))({ body }), fields);
});

const formOfBody = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const send = yield* sendTo(endpoint);
  const text = JSON.stringify(bodies[endpoint.name]);
  for (const body of [text.slice(0, -1), "{", "nonsense", "{'a': 1}", "\0"]) {
    assertRefused(yield* send({ body }), 400, "SERV-003", body);
  }
  for (const body of ["", "null", "[]", '"text"', "1"]) assertNamed(yield* send({ body }), ["body"], body);
  for (const type of ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"]) {
    assertRefused(yield* send({ body: text, headers: { "content-type": type } }), 415, "SERV-005", type);
  }
  const filler = " ".repeat(Service.defaultMaxBodyBytes + 1 - Buffer.byteLength(text));
  assertRefused(yield* send({ body: text + filler }), 413, "SERV-413");
});

const key = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const send = yield* sendTo(endpoint);
  for (const bad of [undefined, "", " ", '"', '"unclosed', "two words", "x".repeat(256), "caf\u00e9"]) {
    const sent = yield* send({ key: bad });
    assertNamed(sent, ["header.idempotency-key"], bad);
    assertNotEchoed(sent.answer, bad);
  }
});

const path = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const send = yield* sendTo(endpoint);
  for (const [wrong, value] of badPathsOf(endpoint)) {
    const at = (place: string) => encodeURIComponent(place === wrong ? value : valueOf(place));
    assertNamed(yield* send({}, pathOf(endpoint.contract.path, at)), [`path.${wrong}`], `${wrong} = ${value}`);
  }
});

const query = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const send = yield* sendTo(endpoint);
  const bad = badQueriesOf(endpoint);
  for (const [wrong, value] of bad) {
    const sent = yield* send({}, `${endpoint.path}?${wrong}=${encodeURIComponent(value)}`);
    assertNamed(sent, [`query.${wrong}`], `${wrong} = ${value}`);
    assertNotEchoed(sent.answer, value);
  }
  for (const twice of new Set(bad.map(([name]) => name))) {
    assertNamed(yield* send({}, `${endpoint.path}?${twice}=1&${twice}=2`), [`query.${twice}`], `${twice} twice`);
  }
});

const together = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const places = [...new Set(badPathsOf(endpoint).map(([place]) => place))];
  const queries = [...new Set(badQueriesOf(endpoint).map(([name]) => name))];
  const { body, fields } = allWrong(bodies[endpoint.name]);
  const wrong = pathOf(endpoint.contract.path, (place) => (places.includes(place) ? "%00" : valueOf(place)));
  const send = yield* sendTo(endpoint);
  assertNamed(yield* send({ key: undefined, body }, `${wrong}?${queries.map((name) => `${name}=%00`).join("&")}`), [
    ...places.map((place) => `path.${place}`),
    ...(takesKey(endpoint) ? ["header.idempotency-key"] : []),
    ...queries.map((name) => `query.${name}`),
    ...fields,
  ]);
});

const harmless = Effect.fnUntraced(function* (endpoint: Endpoint) {
  const send = yield* sendTo(endpoint);
  const isGood = acceptsBody(endpoint);
  const good = bodies[endpoint.name];
  const unknown = { body: { ...(good as object), nobodyAsked: { for: "this" } } };
  // An answer of 500 dies: see TestHttp.
  for (const { body } of [unknown, ...variantsOf(good).filter(({ body }) => isGood(body))]) {
    const { answer } = yield* send({ body });
    assert.isEmpty(fieldsOf(answer), `${JSON.stringify(body)} ${answer.text}`);
  }
});

const hasBody = (endpoint: Endpoint): boolean => bodySchemaOf(endpoint) !== undefined;
const hasPath = (endpoint: Endpoint): boolean => badPathsOf(endpoint).length > 0;
const hasQuery = (endpoint: Endpoint): boolean => badQueriesOf(endpoint).length > 0;

/** What must hold of an endpoint that has what it is about. */
const rules = [
  ["refuses each field that its contract refuses, names it and no other, and repeats no value", hasBody, eachField],
  ["names all fields at once when all are wrong", hasBody, allFields],
  ["takes JSON objects of its size and media type, nothing else", hasBody, formOfBody],
  ["needs an Idempotency-Key that is one", takesKey, key],
  ["takes ids for ids only, and names those that are none", hasPath, path],
  ["refuses pages out of bounds, strange cursors and filters that cannot fit, and names each", hasQuery, query],
  [
    "names what is wrong with path, headers, query and body together",
    (endpoint: Endpoint) => [hasBody, takesKey, hasPath, hasQuery].some((has) => has(endpoint)),
    together,
  ],
] as const;

describe("the examples of good requests", () => {
  it("have every endpoint that takes a body, with every field that its contract knows", () => {
    for (const endpoint of endpoints) {
      assert.strictEqual(endpoint.name in bodies, hasBody(endpoint), endpoint.name);
      const body = bodies[endpoint.name] ?? {};
      assert.isTrue(acceptsBody(endpoint)(body), endpoint.name);
      assert.sameMembers(Object.keys(body), [...fieldsOfBody(endpoint)], endpoint.name);
    }
    const names = endpoints.map(({ name }) => name);
    assert.includeMembers(names, Object.keys(bodies));
  });
});

for (const api of apis) {
  layer(roomOf(api.identifier), { excludeTestServices: true })(`the ${api.identifier} service`, (it) => {
    const own = endpointsOf(api);
    for (const endpoint of own) {
      for (const [rule, concerns, check] of rules) {
        if (!concerns(endpoint)) continue;
        it.effect(`${endpoint.name} ${rule}`, () => leavingNothing(check(endpoint)));
      }
      if (!endpoint.isGuarded) continue;
      it.effect(`${endpoint.name} asks who somebody is before it looks at what they send`, () =>
        leavingNothing(
          Effect.gen(function* () {
            const bad = { as: undefined, key: undefined, ...(hasBody(endpoint) ? { body: "{" } : {}) };
            assertRefused(yield* (yield* sendTo(endpoint))(bad), 401, "SERV-006");
          }),
        ),
      );
    }

    it.effect("answers a method that a path does not have with 405 and those that it has", () =>
      Effect.gen(function* () {
        const { http } = yield* ServiceTest;
        for (const path of new Set(own.map((one) => one.path))) {
          const methods = own.filter((one) => one.path === path).map(({ method }) => method);
          for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
            if (methods.includes(method)) continue;
            const answer = yield* http.send(method, path);
            // Another endpoint's parameter may take the place of a word: `confirm` could be an order's id.
            if (answer.status === 401) continue;
            assertRefused({ answer, path }, 405, "SERV-004", `${method} ${path}`);
            assert.includeMembers(String(answer.headers["allow"]).split(", "), methods);
          }
        }
      }),
    );

    // Last, because these write.
    for (const endpoint of own.filter(hasBody)) {
      it.effect(
        `${endpoint.name} ignores what it does not know, and is not harmed by what its contract lets through`,
        () => harmless(endpoint),
      );
    }
  });
}
