/** Calls an endpoint as everybody in turn, and says who must not have passed. */
import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { userRoles } from "./Admission.ts";
import type { Endpoint } from "./Endpoints.ts";
import { type Answer, isProblem, type TestHttp } from "./TestHttp.ts";
import { type TestTokens, unacceptable } from "./TestTokens.ts";

/** Status and code of an answer that must be a problem. */
const refusal = (answer: Answer, path: string, message: string) => {
  assert.isTrue(isProblem(answer, path), `${message}: ${answer.text}`);
  return [answer.status, answer.body["code"]];
};

/** How somebody was let in is not asked here: only that nobody asked who they are, or that they may. */
const passed = ({ status, text }: Answer, message: string) =>
  assert.notInclude([401, 403], status, `${message}: ${text}`);

export const walk = Effect.fnUntraced(function* (
  { method, path }: Endpoint,
  admitted: "anybody" | ReadonlyArray<string>,
  { http, tokens }: { readonly http: TestHttp; readonly tokens: TestTokens },
  /** A gateway refuses a token that does not pass wherever it is brought; a service does not look where it needs none. */
  isGateway: boolean,
) {
  const send = (as: string | undefined) => http.send(method, path, { as, ...(method === "GET" ? {} : { body: {} }) });

  const anonymous = yield* send(undefined);
  if (admitted === "anybody") passed(anonymous, "no token");
  else {
    assert.deepStrictEqual(refusal(anonymous, path, "no token"), [401, "SERV-006"]);
    assert.strictEqual(anonymous.headers["www-authenticate"], "Bearer");
  }

  for (const role of userRoles) {
    for (const flaw of unacceptable) {
      const answer = yield* send(yield* tokens.bad(flaw, role));
      if (admitted === "anybody" && !isGateway) {
        passed(answer, flaw);
        continue;
      }
      assert.deepStrictEqual(refusal(answer, path, `${role} ${flaw}`), [401, "SERV-006"]);
      assert.strictEqual(answer.headers["www-authenticate"], 'Bearer error="invalid_token"');
    }
    const answer = yield* send((yield* tokens.as(role)).token);
    if (admitted === "anybody" || admitted.includes(role)) passed(answer, role);
    else assert.deepStrictEqual(refusal(answer, path, role), [403, "SERV-007"]);
  }
});
