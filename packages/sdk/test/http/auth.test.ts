import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as HttpClient from "effect/http/HttpClient";
import * as HttpClientResponse from "effect/http/HttpClientResponse";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as TestClock from "effect/testing/TestClock";
import * as jose from "jose";
import { Auth, KeySource, Token, TokenVerifier } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import { call, silent } from "./support.ts";

const names = { issuer: "https://shop.test", audience: "shop" };

class Things extends HttpApiGroup.make("things")
  .add(
    HttpApiEndpoint.get("mine", "/mine", { success: Schema.String }).annotate(Auth.Roles, ["CUSTOMER", "SERVICE"]),
    HttpApiEndpoint.get("all", "/all", { success: Schema.String }).annotate(Auth.Roles, ["MASTER"]),
    HttpApiEndpoint.get("unnamed", "/unnamed", { success: Schema.String }),
    HttpApiEndpoint.get("brand", "/brand", { success: Schema.String, error: Auth.AccessDenied }).annotate(Auth.Roles, [
      "CUSTOMER",
      "PARTNER",
    ]),
  )
  .middleware(Auth.Bearer) {}

class Api extends HttpApi.make("api").add(Things) {}

const whoami = Effect.map(Auth.CurrentPrincipal, (principal) => principal.userId);

const Live = HttpApiBuilder.group(Api, "things", (handlers) =>
  handlers.handleAll({
    mine: () => whoami,
    all: () => whoami,
    unnamed: () => whoami,
    brand: () => Effect.map(Auth.requireRole("PARTNER"), (principal) => principal.userId),
  }),
);

const start = (verifier: Layer.Layer<TokenVerifier.TokenVerifier>) =>
  Service.make({
    name: "things",
    port: 0,
    routes: HttpApiBuilder.layer(Api).pipe(Layer.provide(Live), Layer.provide(Auth.layer), Layer.provide(verifier)),
  }).pipe(Effect.provide(silent));

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const setup = Effect.gen(function* () {
  const privateJwk = yield* Token.generatePrivateJwk;
  const signer = yield* Token.makeSigner({ ...names, privateJwk });
  const { url } = yield* start(
    TokenVerifier.TokenVerifier.layerJwks({ ...names, serviceAudience: "stock", jwks: signer.jwks }),
  );
  return { signer, url, privateJwk };
});

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("the bearer middleware over HTTP", () => {
  it.live("without a token: 401, SERV-006, WWW-Authenticate", () =>
    Effect.gen(function* () {
      const { url } = yield* setup;
      for (const headers of [{}, { authorization: "Basic dTpw" }, { authorization: "Bearer" }]) {
        const answer = yield* call(`${url}/mine`, { headers });
        assert.deepStrictEqual([answer.status, answer.body["code"]], [401, "SERV-006"]);
        assert.match(String(answer.headers["www-authenticate"]), /^Bearer/);
        assert.isString(answer.body["traceId"]);
      }
    }),
  );

  it.live("forged, altered, unsigned, expired, foreign, refresh and unknown-key tokens: 401", () =>
    Effect.gen(function* () {
      const { privateJwk, signer, url } = yield* setup;
      const good = Redacted.value((yield* signer.access({ userId: "u", role: "CUSTOMER" })).token);
      const [head, payload, signature] = good.split(".") as [string, string, string];
      const header = jose.decodeProtectedHeader(good);
      const claims = jose.decodeJwt(good);
      const stranger = yield* Token.makeSigner({ ...names, privateJwk: yield* Token.generatePrivateJwk });
      const stolenKid = yield* Token.makeSigner({
        ...names,
        privateJwk: Redacted.make(
          JSON.stringify({
            ...JSON.parse(Redacted.value(yield* Token.generatePrivateJwk)),
            kid: signer.jwks.keys[0]?.kid,
          }),
        ),
      });
      const expired = yield* Token.makeSigner({ ...names, privateJwk, accessLifetimeMillis: -60_000 });
      const elsewhere = yield* Token.makeSigner({ ...names, privateJwk, audience: "other" });
      const impostor = yield* Token.makeSigner({ ...names, privateJwk, issuer: "https://evil.test" });
      const of = { userId: "u", role: "CUSTOMER" } as const;
      const tokens: Record<string, string> = {
        "alg none": `${base64({ ...header, alg: "none" })}.${payload}.`,
        "alg none, signed": `${base64({ ...header, alg: "none" })}.${payload}.${signature}`,
        "hmac with the public key": yield* Effect.promise(() =>
          new jose.SignJWT(claims)
            .setProtectedHeader({ ...header, alg: "HS256" })
            .sign(Buffer.from(signer.jwks.keys[0]?.x ?? "", "base64url")),
        ),
        "another role": `${head}.${base64({ ...claims, role: "MASTER" })}.${signature}`,
        "no signature": `${head}.${payload}.`,
        "unknown kid": Redacted.value((yield* stranger.access(of)).token),
        "our kid, their key": Redacted.value((yield* stolenKid.access(of)).token),
        expired: Redacted.value((yield* expired.access(of)).token),
        "another audience": Redacted.value((yield* elsewhere.access(of)).token),
        "another issuer": Redacted.value((yield* impostor.access(of)).token),
        refresh: Redacted.value((yield* signer.refresh(of)).token),
        "service token for another service": Redacted.value(
          (yield* signer.service({ name: "order", audience: "payment" })).token,
        ),
        "not a token": "neither-jwt",
        "too long": "a".repeat(5_000),
      };
      for (const [name, token] of Object.entries(tokens)) {
        const answer = yield* call(`${url}/mine`, bearer(token));
        assert.deepStrictEqual([name, answer.status, answer.body["code"]], [name, 401, "SERV-006"]);
        assert.strictEqual(answer.headers["www-authenticate"], 'Bearer error="invalid_token"');
        assert.notInclude(answer.text, token);
      }
      assert.strictEqual((yield* call(`${url}/mine`, bearer(good))).status, 200);
    }),
  );

  it.live("roles: the contract's, the handler's, and an endpoint that names none admits nobody", () =>
    Effect.gen(function* () {
      const { signer, url } = yield* setup;
      const token = (role: "CUSTOMER" | "PARTNER" | "MASTER") =>
        Effect.map(signer.access({ userId: role, role }), (signed) => Redacted.value(signed.token));
      const service = Redacted.value((yield* signer.service({ name: "order", audience: "stock" })).token);
      const expected = {
        "/mine": { CUSTOMER: 200, PARTNER: 403, MASTER: 403, SERVICE: 200 },
        "/all": { CUSTOMER: 403, PARTNER: 403, MASTER: 200, SERVICE: 403 },
        "/unnamed": { CUSTOMER: 403, PARTNER: 403, MASTER: 403, SERVICE: 403 },
        "/brand": { CUSTOMER: 403, PARTNER: 200, MASTER: 403, SERVICE: 403 },
      } as const;
      for (const [path, statuses] of Object.entries(expected)) {
        for (const role of ["CUSTOMER", "PARTNER", "MASTER", "SERVICE"] as const) {
          const answer = yield* call(url + path, bearer(role === "SERVICE" ? service : yield* token(role)));
          assert.deepStrictEqual([path, role, answer.status], [path, role, statuses[role]]);
          if (answer.status === 403) assert.strictEqual(answer.body["code"], "SERV-007");
        }
      }
    }),
  );

  it.live("keys come from the signer's JWKS route; before it was ever reached the answer is 503, not 200 or 401", () =>
    Effect.gen(function* () {
      const signer = Token.TokenSigner.layer({ ...names, privateJwk: yield* Token.generatePrivateJwk });
      const user = yield* Effect.gen(function* () {
        const { access } = yield* Token.TokenSigner;
        const token = Redacted.value((yield* access({ userId: "u", role: "CUSTOMER" })).token);
        const { url } = yield* Service.make({ name: "user", port: 0, routes: Auth.layerJwksRoute });
        return { token, url };
      }).pipe(Effect.provide([signer, silent]));
      const overUrl = (jwks: string) =>
        start(TokenVerifier.TokenVerifier.layer({ ...names, url: jwks }).pipe(Layer.provide(fetchLayer)));
      const reached = yield* overUrl(user.url + Auth.jwksPath);
      assert.strictEqual((yield* call(`${reached.url}/mine`, bearer(user.token))).status, 200);
      const unreached = yield* overUrl("http://127.0.0.1:1/jwks");
      const answer = yield* call(`${unreached.url}/mine`, bearer(user.token));
      assert.deepStrictEqual(
        [answer.status, answer.body["code"], answer.headers["retry-after"]],
        [503, "SERV-503", "1"],
      );
    }),
  );
});

const { layer: fetchLayer } = await import("effect/http/FetchHttpClient");

/** A JWKS endpoint under the test's control. */
const endpoint = () => {
  const state = { fetches: 0, keys: [] as ReadonlyArray<unknown>, isDown: false };
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      state.fetches++;
      return HttpClientResponse.fromWeb(
        request,
        state.isDown ? new Response("", { status: 503 }) : new Response(JSON.stringify({ keys: state.keys })),
      );
    }),
  );
  return {
    state,
    source: KeySource.fromUrl({ url: "http://jwks.test" }).pipe(Effect.provideService(HttpClient.HttpClient, client)),
  };
};

const publicKey = Effect.gen(function* () {
  const signer = yield* Token.makeSigner({ ...names, privateJwk: yield* Token.generatePrivateJwk });
  return signer.jwks.keys[0] as Token.PublicJwk;
});

describe("keys from a URL", () => {
  it.effect("an unknown key id fetches once per interval, however often it is asked for", () =>
    Effect.gen(function* () {
      const first = yield* publicKey;
      const { source, state } = endpoint();
      state.keys = [{ kty: "RSA", n: "x", e: "AQAB", kid: "other" }, first];
      const keys = yield* source;
      yield* Effect.forEach([1, 2, 3, 4, 5], () => keys.key("nobody"), { concurrency: "unbounded" });
      assert.strictEqual(state.fetches, 1);
      assert.strictEqual((yield* keys.key(first.kid))._tag, "Some");
      const second = yield* publicKey;
      state.keys = [second];
      assert.strictEqual((yield* keys.key(second.kid))._tag, "None", "inside the interval nobody asks again");
      yield* TestClock.adjust("5 seconds");
      assert.strictEqual((yield* keys.key(second.kid))._tag, "Some");
      assert.strictEqual(state.fetches, 2);
    }),
  );

  it.effect("known keys survive an outage, failures back off, and nothing passes before the first success", () =>
    Effect.gen(function* () {
      const known = yield* publicKey;
      const { source, state } = endpoint();
      state.isDown = true;
      const keys = yield* source;
      assert.strictEqual((yield* Effect.flip(keys.key(known.kid)))._tag, "Unavailable");
      assert.strictEqual((yield* Effect.flip(keys.key(known.kid)))._tag, "Unavailable");
      assert.strictEqual(state.fetches, 1, "backed off");
      state.isDown = false;
      state.keys = [known];
      yield* TestClock.adjust("1 second");
      assert.strictEqual((yield* keys.key(known.kid))._tag, "Some");
      state.isDown = true;
      yield* TestClock.adjust("1 hour");
      assert.strictEqual((yield* keys.key(known.kid))._tag, "Some");
      assert.strictEqual(state.fetches, 3);
    }).pipe(Effect.provide(silent)),
  );

  it.effect("a withdrawn key is dropped when the set has aged", () =>
    Effect.gen(function* () {
      const withdrawn = yield* publicKey;
      const { source, state } = endpoint();
      state.keys = [withdrawn];
      const keys = yield* source;
      assert.strictEqual((yield* keys.key(withdrawn.kid))._tag, "Some");
      state.keys = [];
      yield* TestClock.adjust("10 minutes");
      assert.strictEqual((yield* keys.key(withdrawn.kid))._tag, "None");
    }),
  );
});

describe("the verifier's memory", () => {
  const counting = Effect.gen(function* () {
    const signer = yield* Token.makeSigner({ ...names, privateJwk: yield* Token.generatePrivateJwk });
    const source = yield* KeySource.fromJwks(signer.jwks);
    const state = { looked: 0 };
    const verifier = TokenVerifier.make(
      { ...names, maxCachedTokens: 2 },
      {
        key: (kid) => {
          state.looked++;
          return source.key(kid);
        },
      },
    );
    const token = (userId: string) =>
      Effect.map(signer.access({ userId, role: "CUSTOMER" }), (signed) => Redacted.value(signed.token));
    return { state, token, verify: (token: string) => verifier.verify(token, ["access"]) };
  });

  it.effect("a token is verified once and refused when it has expired", () =>
    Effect.gen(function* () {
      const { state, token, verify } = yield* counting;
      const mine = yield* token("u");
      assert.strictEqual((yield* verify(mine)).principal.userId, "u");
      assert.strictEqual((yield* verify(mine)).principal.userId, "u");
      assert.strictEqual(state.looked, 1);
      yield* TestClock.adjust(Token.defaultAccessLifetimeMillis + 6_000);
      assert.strictEqual((yield* Effect.flip(verify(mine)))._tag, "Unauthenticated");
    }),
  );

  it.effect("it is bounded, and the least recently used goes first", () =>
    Effect.gen(function* () {
      const { state, token, verify } = yield* counting;
      const [a, b, c] = [yield* token("a"), yield* token("b"), yield* token("c")];
      yield* verify(a);
      yield* verify(b);
      yield* verify(a);
      yield* verify(c);
      assert.strictEqual(state.looked, 3);
      yield* verify(a);
      assert.strictEqual(state.looked, 3, "a was used last and stayed");
      yield* verify(b);
      assert.strictEqual(state.looked, 4, "b went");
    }),
  );
});
