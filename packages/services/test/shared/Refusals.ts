/** Requests that are to be refused: how they are sent, what their answers must be, and that nothing comes of them. */
import { assert } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { takesKey } from "./BadInput.ts";
import type { Endpoint } from "./Endpoints.ts";
import { bodies } from "./Examples.ts";
import { ServiceTest } from "./ServiceTest.ts";
import { type Answer, fieldsOf, isProblem, type Request } from "./TestHttp.ts";

/** Everything that the service has stored, in one value that differs when anything of it does. */
const stored = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const tables = yield* sql<{ readonly name: string }>`
    SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`;
  return yield* Effect.forEach(
    tables,
    ({ name }) =>
      sql`SELECT ${name} AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS rows FROM ${sql.literal(name)} t`,
  );
});

/** Nothing is written meanwhile. */
export const leavingNothing = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* stored;
    yield* self;
    assert.deepStrictEqual(yield* stored, before);
  });

/** Sends to the endpoint what is good but for what is given. Who asks may do everything. */
export const sendTo = (endpoint: Endpoint) =>
  Effect.map(
    Effect.flatMap(ServiceTest, ({ http, tokens }) => Effect.map(tokens.master, (as) => ({ http, as }))),
    ({ as, http }) =>
      Effect.fnUntraced(function* (request: Request = {}, path: string = endpoint.path) {
        const key = takesKey(endpoint) ? { key: yield* Ids.fresh } : {};
        const body = endpoint.name in bodies ? { body: bodies[endpoint.name] } : {};
        const answer = yield* http.send(endpoint.method, path, { as, ...key, ...body, ...request });
        return { answer, path };
      }),
  );

export const assertRefused = (
  { answer, path }: { readonly answer: Answer; readonly path: string },
  status: number,
  code: string,
  message = "",
) => {
  assert.deepStrictEqual([answer.status, answer.body["code"]], [status, code], `${message} ${answer.text}`);
  assert.isTrue(isProblem(answer, path), answer.text);
};

/** What names these fields, and no others. */
export const assertNamed = (
  sent: { readonly answer: Answer; readonly path: string },
  fields: ReadonlyArray<string>,
  message = "",
) => {
  assertRefused(sent, 400, "SERV-001", message);
  assert.sameMembers([...fieldsOf(sent.answer)], [...fields], `${message} ${sent.answer.text}`);
};

/** Short ones are part of every answer by chance. */
export const assertNotEchoed = ({ text }: Answer, value: unknown) => {
  if (typeof value === "string" && value.length > 8) assert.notInclude(text, value.slice(0, 100));
};
