/** Sign-up, login and sessions over HTTP: see contracts/user.api.ts. */
import { hash, timingSafeEqual } from "node:crypto";
import { Auth, KeySource, Token, TokenVerifier } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import * as Config from "effect/Config";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import {
  BadCredentials,
  type Session,
  SessionEnded,
  type SignUp,
  type User,
  UserApi,
  UserId,
  UsernameTaken,
  UserNotFound,
  type UserRole,
  WrongAdminToken,
} from "../contracts/index.ts";
import * as Settings from "../shared/Settings.ts";
import { Passwords } from "./Passwords.ts";
import * as Sessions from "./Sessions.ts";
import * as Store from "./Store.ts";

/** Nobody signs up as a MASTER unless the configuration holds a token. */
const adminToken = Config.Redacted("DESTINY_ADMIN_TOKEN").pipe(Config.option);

/** How long it takes says nothing about the guess. */
const isSame = (a: Redacted.Redacted, b: Redacted.Redacted): boolean =>
  timingSafeEqual(hash("sha256", Redacted.value(a), "buffer"), hash("sha256", Redacted.value(b), "buffer"));

const secondsUntil = ({ expiresAtMillis }: Token.SignedToken, nowMillis: number): number =>
  Math.floor((expiresAtMillis - nowMillis) / 1000);

const sessionOf = Effect.fnUntraced(function* (user: User, refresh: Token.SignedToken) {
  const signer = yield* Token.TokenSigner;
  const access = yield* signer.access({ userId: user.userId, role: user.userRole });
  const nowMillis = yield* Clock.currentTimeMillis;
  const session: typeof Session.Type = {
    ...user,
    accessToken: Redacted.value(access.token),
    tokenType: "Bearer",
    expiresInSeconds: secondsUntil(access, nowMillis),
    refreshToken: Redacted.value(refresh.token),
    refreshExpiresInSeconds: secondsUntil(refresh, nowMillis),
  };
  return session;
});

const auths = HttpApiBuilder.group(UserApi, "auths", (handlers) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const users = Store.make(sql);
    const sessions = Sessions.make(sql);
    const passwords = yield* Passwords;
    const signer = yield* Token.TokenSigner;
    // A refresh token is seen once: there is nothing to remember.
    const verifier = TokenVerifier.make(
      { ...Settings.tokenNames, maxCachedTokens: 1 },
      yield* KeySource.fromJwks(signer.jwks),
    );
    // An unknown name costs as much time as a wrong password, so that time does not tell them apart.
    const decoy = yield* Effect.orDie(passwords.hash(Redacted.make(yield* Ids.fresh)));
    const expected = yield* adminToken;

    const insert = Effect.fnUntraced(function* ({ password, ...profile }: typeof SignUp.Type, role: UserRole) {
      const userId = UserId.make(yield* Ids.fresh);
      const passwordHash = yield* passwords.hash(password);
      const inserted = yield* Effect.orDie(users.insert({ ...profile, id: userId, role, passwordHash }));
      if (!inserted) return yield* new UsernameTaken({});
      const { email, nickname, username } = profile;
      return { userId, username, email, nickname, userRole: role };
    });

    const refreshFor = ({ userId, userRole: role }: User, place: Sessions.Place) =>
      signer.refresh({ userId, role, tokenId: Sessions.tokenIdOf(place) });

    return handlers.handleAll({
      signUp: Effect.fn("user.signUp")(function* ({ payload }) {
        return yield* insert(payload, "CUSTOMER");
      }),
      signUpMaster: Effect.fn("user.signUpMaster")(function* ({ payload: { adminToken: guess, ...payload } }) {
        if (Option.isNone(expected) || !isSame(expected.value, guess)) return yield* new WrongAdminToken({});
        return yield* insert(payload, "MASTER");
      }),
      login: Effect.fn("user.login")(function* ({ payload }) {
        const found = yield* Effect.orDie(users.byUsername(payload.username));
        const correct = yield* passwords.verify(found?.passwordHash ?? decoy, payload.password);
        if (found === undefined || found.status !== "ACTIVE" || !correct) return yield* new BadCredentials({});
        const { passwordHash, user } = found;
        const place = { sessionId: yield* Ids.fresh, no: 1 };
        const refresh = yield* refreshFor(user, place);
        const at = { nowMillis: yield* Clock.currentTimeMillis, expiresAtMillis: refresh.expiresAtMillis };
        const opened = yield* Effect.orDie(sessions.open({ userId: user.userId, passwordHash }, place, at));
        return opened ? yield* sessionOf(user, refresh) : yield* new BadCredentials({});
      }),
      reissue: Effect.fn("user.reissue")(function* ({ payload }) {
        const { principal } = yield* Effect.mapError(
          verifier.verify(Redacted.value(payload.refreshToken), ["refresh"]),
          () => new SessionEnded({}),
        );
        const userId = UserId.make(principal.userId);
        const used = Sessions.placeOf(principal.tokenId);
        const account = yield* Effect.orDie(users.account(userId));
        if (Option.isNone(used) || account?.status !== "ACTIVE") return yield* new SessionEnded({});
        const refresh = yield* refreshFor(account.user, { ...used.value, no: used.value.no + 1 });
        const renewed = yield* Effect.orDie(sessions.renew(userId, used.value, refresh.expiresAtMillis));
        return renewed ? yield* sessionOf(account.user, refresh) : yield* new SessionEnded({});
      }),
    });
  }),
);

const sessions = HttpApiBuilder.group(UserApi, "sessions", (handlers) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    return handlers.handleAll({
      logout: Effect.fn("user.logout")(function* ({ query }) {
        const principal = yield* Auth.CurrentPrincipal;
        const userId = query.userId ?? UserId.make(principal.userId);
        const others = userId !== principal.userId;
        if (others && principal.role !== "MASTER") return yield* new UserNotFound({});
        if (others && (yield* Effect.orDie(Store.make(sql).byId(userId))) === undefined) {
          return yield* new UserNotFound({});
        }
        yield* Effect.orDie(Sessions.make(sql).endAll(userId));
      }),
    });
  }),
);

export const layer = Layer.merge(auths, sessions);
