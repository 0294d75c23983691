import { assert, describe, layer } from "@effect/vitest";
import { Auth, Token, TokenVerifier } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import { UserId } from "../../src/contracts/index.ts";
import * as Settings from "../../src/shared/Settings.ts";
import * as User from "../../src/user/layer.ts";
import { Limits } from "../../src/user/Passwords.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import { fieldsOf } from "../shared/TestHttp.ts";
import { unacceptable } from "../shared/TestTokens.ts";
import * as Accounts from "./Accounts.ts";

layer(Accounts.service, { excludeTestServices: true })("signing up", (it) => {
  it.effect("makes a customer and says who, without the password, which is stored as a hash only", () =>
    Effect.gen(function* () {
      const { answer, profile, userId } = yield* Accounts.signedUp;
      const { email, nickname, username } = profile;
      assert.strictEqual(answer.status, 201);
      assert.deepStrictEqual(answer.body, { userId, username, email, nickname, userRole: "CUSTOMER" });
      const sql = yield* SqlClient.SqlClient;
      const [row] = yield* sql<Record<string, unknown>>`SELECT * FROM users WHERE id = ${userId}::uuid`;
      assert.match(String(row?.["password_hash"]), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      assert.notInclude(
        Object.values(row ?? {})
          .map(String)
          .join(),
        profile.password,
      );
    }),
  );

  it.effect("the role is never the client's to choose: a role that is sent is ignored", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      for (const wish of [{ userRole: "MASTER" }, { role: "MASTER" }, { userRole: "PARTNER", adminToken: "please" }]) {
        const body = { ...(yield* Accounts.somebody), ...wish };
        const answer = yield* http.post("/v1/auths/signup/user", { body });
        assert.deepStrictEqual([answer.status, answer.body["userRole"]], [201, "CUSTOMER"]);
        const session = yield* Accounts.login(body.username);
        assert.strictEqual(session.body["userRole"], "CUSTOMER");
      }
    }),
  );

  it.effect(
    "a taken username, e-mail (in any case) or nickname is one and the same 409, also when two come at once",
    () =>
      Effect.gen(function* () {
        const { http } = yield* ServiceTest.ServiceTest;
        const { profile } = yield* Accounts.signedUp;
        for (const same of [
          { username: profile.username },
          { email: profile.email },
          { email: profile.email.toUpperCase() },
          { nickname: profile.nickname },
        ]) {
          const answer = yield* http.post("/v1/auths/signup/user", {
            body: { ...(yield* Accounts.somebody), ...same },
          });
          assert.deepStrictEqual([answer.status, answer.body["code"]], [409, "USER-ERROR-002"]);
        }
        const body = yield* Accounts.somebody;
        const twice = yield* Effect.replicateEffect(http.post("/v1/auths/signup/user", { body }), 2, {
          concurrency: "unbounded",
        });
        assert.sameMembers(
          twice.map(({ status }) => status),
          [201, 409],
        );
      }),
  );

  it.effect("what breaks the policy is 400 with the field and the reason, never the value", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const cases: ReadonlyArray<readonly [string, unknown]> = [
        ["password", "Short1!"],
        ["password", "nouppercase1!"],
        ["password", "NOLOWERCASE1!"],
        ["password", "NoDigits!!"],
        ["password", "NoSpecial11"],
        ["password", "Blank in 1!"],
        ["password", `Aa1!${"x".repeat(61)}`],
        ["password", 12345678],
        ["username", "abc"],
        ["username", "elevenchars"],
        ["username", "UPPER"],
        ["email", "no-at.example.com"],
        ["email", "nul\0@example.com"],
        ["email", `${"x".repeat(250)}@example.com`],
        ["nickname", "한"],
        ["nickname", "elevenchars"],
        ["nickname", "a\0b"],
        ["nickname", "\udc00\ud800"],
        ["phone", "01012345678"],
      ];
      for (const [field, value] of cases) {
        const body = { ...(yield* Accounts.somebody), [field]: value };
        const answer = yield* http.post("/v1/auths/signup/user", { body });
        const name = `${field} ${String(value)}`;
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, [field]], name);
        const [{ reason } = { reason: "" }] = answer.body["errors"] as ReadonlyArray<{ readonly reason: string }>;
        assert.isNotEmpty(reason);
        assert.notInclude(answer.text, String(value), name);
        if (field === "password" && typeof value === "string") assert.match(reason, /8 to 64 characters/);
      }
      assert.strictEqual((yield* http.post("/v1/auths/signup/user", { body: {} })).status, 400);
    }),
  );
});

layer(Accounts.service, { excludeTestServices: true })("logging in", (it) => {
  it.effect("answers the profile and an access token for a quarter of an hour that the service itself accepts", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const { answer: user, profile, userId } = yield* Accounts.signedUp;
      const session = yield* Accounts.login(profile.username);
      const { accessToken, expiresInSeconds, refreshExpiresInSeconds, refreshToken, tokenType, ...shown } =
        session.body;
      assert.deepStrictEqual([session.status, tokenType, shown], [200, "Bearer", user.body]);
      assert.isString(refreshToken);
      assert.isTrue(Number(refreshExpiresInSeconds) > 1_209_590 && Number(refreshExpiresInSeconds) <= 1_209_600);
      assert.isTrue(Number(expiresInSeconds) > 890 && Number(expiresInSeconds) <= 900);
      const got = yield* http.get(`/v1/users/${userId}`, { as: String(accessToken) });
      assert.strictEqual(got.status, 200);
      assert.deepInclude(got.body, user.body);
    }),
  );

  it.effect("the token verifies with the published keys, which hold no private part", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const { profile, userId } = yield* Accounts.signedUp;
      const session = yield* Accounts.login(profile.username);
      const published = yield* http.get(Auth.jwksPath);
      assert.deepStrictEqual(
        (published.body["keys"] as ReadonlyArray<object>).map((key) => Object.keys(key).sort()),
        [["crv", "kid", "kty", "x"]],
      );
      const jwks = yield* Schema.decodeUnknownEffect(Token.JwkSet)(published.body);
      const verified = yield* TokenVerifier.TokenVerifier.pipe(
        Effect.flatMap(({ verify }) => verify(String(session.body["accessToken"]), ["access"])),
        Effect.provide(TokenVerifier.TokenVerifier.layerJwks({ ...Settings.tokenNames, jwks })),
      );
      assert.deepStrictEqual([verified.principal.userId, verified.principal.role], [userId, "CUSTOMER"]);
    }),
  );

  it.effect("an unknown name and a wrong password get the same 401, byte for byte but for the trace", () =>
    Effect.gen(function* () {
      const { profile } = yield* Accounts.signedUp;
      const wrong = yield* Accounts.login(profile.username, "Secret1!y");
      const unknown = yield* Accounts.login("nobody", "Secret1!y");
      const bytes = ({ body, text }: typeof wrong) => text.replace(String(body["traceId"]), "");
      assert.deepStrictEqual([wrong.status, wrong.body["code"]], [401, "USER-ERROR-004"]);
      assert.strictEqual(bytes(wrong), bytes(unknown));
      const { date: _, traceparent: __, "x-request-id": ___, ...headers } = wrong.headers;
      const { date: ____, traceparent: _____, "x-request-id": ______, ...others } = unknown.headers;
      assert.deepStrictEqual(headers, others);
    }),
  );

  it.effect("no name and no password can break the question", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      for (const [username, secret] of [
        ["' OR '1'='1", "x"],
        ["%", "x"],
        ["nobody", "\0\ud800"],
      ] as const) {
        assert.strictEqual((yield* Accounts.login(username, secret)).status, 401);
      }
      for (const body of [{}, { username: "a\0b", password: "x" }, { username: "u", password: "x".repeat(257) }]) {
        assert.strictEqual((yield* http.post("/v1/auths/login", { body })).status, 400);
      }
    }),
  );
});

describe("logging in under load", () => {
  const crowded = ServiceTest.layer("user", User.layer, {
    references: Layer.succeed(Limits, { maxConcurrentHashes: 1, maxWaitingHashes: 1 }),
  });

  layer(crowded, { excludeTestServices: true })("with room for two", (it) => {
    it.effect("whoever finds no room is told 503 and when to come back, and it passes", () =>
      Effect.gen(function* () {
        const answers = yield* Effect.replicateEffect(Accounts.login("nobody"), 8, { concurrency: "unbounded" });
        const refused = answers.filter(({ status }) => status !== 401);
        assert.isAbove(refused.length, 0);
        assert.isAbove(answers.length - refused.length, 1, "two had room");
        for (const { body, headers, status } of refused) {
          assert.deepStrictEqual([status, body["code"], headers["retry-after"]], [503, "SERV-503", "2"]);
        }
        assert.strictEqual((yield* Accounts.login("nobody")).status, 401);
      }),
    );
  });
});

layer(Accounts.service, { excludeTestServices: true })("reading a profile", (it) => {
  it.effect("is for oneself and for a MASTER; for everybody else the user does not exist", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { answer: user, userId } = yield* Accounts.signedUp;
      const path = `/v1/users/${userId}`;
      const self = yield* http.get(path, { as: yield* tokens.as("CUSTOMER", UserId.make(userId)) });
      const master = yield* http.get(path, { as: yield* tokens.master });
      assert.deepInclude(self.body, { ...user.body, phone: "010-1234-5678", zipcode: null, userStatus: "ACTIVE" });
      assert.deepStrictEqual(master.body, self.body);
      const stranger = yield* tokens.partner;
      const foreign = yield* http.get(path, { as: stranger });
      const missing = yield* http.get(`/v1/users/${stranger.userId}`, { as: stranger });
      assert.deepStrictEqual([foreign.status, foreign.body["code"]], [404, "USER-ERROR-001"]);
      assert.strictEqual(missing.status, 404);
      const malformed = yield* http.get("/v1/users/me", { as: stranger });
      assert.deepStrictEqual([malformed.status, fieldsOf(malformed)], [400, ["path.userId"]]);
    }),
  );

  it.effect("no token and no token that has a flaw opens it", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { userId } = yield* Accounts.signedUp;
      const path = `/v1/users/${userId}`;
      const without = yield* http.get(path);
      assert.deepStrictEqual([without.status, without.headers["www-authenticate"]], [401, "Bearer"]);
      for (const flaw of unacceptable) {
        const answer = yield* http.get(path, { as: yield* tokens.bad(flaw, "CUSTOMER", UserId.make(userId)) });
        assert.strictEqual(answer.status, 401, flaw);
      }
    }),
  );
});
