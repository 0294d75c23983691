/** The user context over HTTP: see contracts/user.api.ts. */
import { hash, timingSafeEqual } from "node:crypto";
import { Auth, Page, Token } from "@destiny/sdk/http";
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
  type SignUp,
  UserApi,
  UserId,
  UsernameTaken,
  UserNotFound,
  type UserRole,
  WrongAdminToken,
  WrongPassword,
} from "../contracts/index.ts";
import { Passwords } from "./Passwords.ts";
import * as Store from "./Store.ts";

/** Nobody signs up as a MASTER unless the configuration holds a token. */
const adminToken = Config.Redacted("DESTINY_ADMIN_TOKEN").pipe(Config.option);

/** How long it takes says nothing about the guess. */
const isSame = (a: Redacted.Redacted, b: Redacted.Redacted): boolean =>
  timingSafeEqual(hash("sha256", Redacted.value(a), "buffer"), hash("sha256", Redacted.value(b), "buffer"));

const auths = HttpApiBuilder.group(UserApi, "auths", (handlers) =>
  Effect.gen(function* () {
    const users = Store.make(yield* SqlClient.SqlClient);
    const passwords = yield* Passwords;
    const signer = yield* Token.TokenSigner;
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
        const { user } = found;
        const signed = yield* signer.access({ userId: user.userId, role: user.userRole });
        const leftMillis = signed.expiresAtMillis - (yield* Clock.currentTimeMillis);
        return {
          ...user,
          accessToken: Redacted.value(signed.token),
          tokenType: "Bearer" as const,
          expiresInSeconds: Math.floor(leftMillis / 1000),
        };
      }),
    });
  }),
);

const users = HttpApiBuilder.group(UserApi, "users", (handlers) =>
  Effect.gen(function* () {
    const store = Store.make(yield* SqlClient.SqlClient);
    const passwords = yield* Passwords;

    /** Whether somebody exists is told to themselves and to a MASTER. */
    const allowed = Effect.fnUntraced(function* (userId: UserId) {
      const principal = yield* Auth.CurrentPrincipal;
      if (principal.userId !== userId && principal.role !== "MASTER") return yield* new UserNotFound({});
    });
    const found = <A>(user: A | undefined) =>
      user === undefined ? Effect.fail(new UserNotFound({})) : Effect.succeed(user);

    return handlers.handleAll({
      get: Effect.fn("user.get")(function* ({ params: { userId } }) {
        yield* allowed(userId);
        return yield* Effect.flatMap(Effect.orDie(store.byId(userId)), found);
      }),
      update: Effect.fn("user.update")(function* ({ params: { userId }, payload }) {
        yield* allowed(userId);
        const updated = store.update(userId, payload).pipe(
          Effect.catchReason("SqlError", "UniqueViolation", () => Effect.fail(new UsernameTaken({}))),
          Effect.catchTag("SqlError", Effect.die),
        );
        return yield* Effect.flatMap(updated, found);
      }),
      changePassword: Effect.fn("user.changePassword")(function* ({ params: { userId }, payload }) {
        if ((yield* Auth.CurrentPrincipal).userId !== userId) return yield* new UserNotFound({});
        const { passwordHash } = yield* Effect.flatMap(Effect.orDie(store.account(userId)), found);
        if (!(yield* passwords.verify(passwordHash, payload.currentPassword))) return yield* new WrongPassword({});
        const changed = yield* passwords.hash(payload.newPassword);
        if (!(yield* Effect.orDie(store.setPassword(userId, passwordHash, changed))))
          return yield* new WrongPassword({});
      }),
      remove: Effect.fn("user.remove")(function* ({ params: { userId } }) {
        yield* allowed(userId);
        yield* Effect.flatMap(Effect.orDie(store.setStatus(userId, "DELETED", undefined)), found);
      }),
      list: Effect.fn("user.list")(function* ({ query }) {
        const { cursor, keyword, limit, searchType, userRole: role, userStatus: status } = query;
        const search = keyword === undefined ? undefined : { in: searchType ?? "USERNAME", part: keyword };
        const rows = yield* Effect.orDie(store.page({ role, search, status }, cursor?.id, Page.fetchSize(limit)));
        return Page.make(rows, limit, ({ userId }) => ({ id: userId }));
      }),
      setStatus: Effect.fn("user.setStatus")(function* ({ params: { userId }, payload: { userRole, userStatus } }) {
        return yield* Effect.flatMap(Effect.orDie(store.setStatus(userId, userStatus, userRole)), found);
      }),
    });
  }),
);

export const layer = Layer.merge(auths, users);
