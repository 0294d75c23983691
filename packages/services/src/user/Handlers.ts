/** The user context over HTTP: see contracts/user.api.ts. */
import { Auth, Token } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { BadCredentials, UserApi, UserId, UsernameTaken, UserNotFound } from "../contracts/index.ts";
import { Passwords } from "./Passwords.ts";
import * as Store from "./Store.ts";

const auths = HttpApiBuilder.group(UserApi, "auths", (handlers) =>
  Effect.gen(function* () {
    const users = Store.make(yield* SqlClient.SqlClient);
    const passwords = yield* Passwords;
    const signer = yield* Token.TokenSigner;
    // An unknown name costs as much time as a wrong password, so that time does not tell them apart.
    const decoy = yield* Effect.orDie(passwords.hash(Redacted.make(yield* Ids.fresh)));
    return handlers.handleAll({
      signUp: Effect.fn("user.signUp")(function* ({ payload }) {
        const { password, ...profile } = payload;
        const userId = UserId.make(yield* Ids.fresh);
        const passwordHash = yield* passwords.hash(password);
        const inserted = yield* Effect.orDie(users.insert({ ...profile, id: userId, role: "CUSTOMER", passwordHash }));
        if (!inserted) return yield* new UsernameTaken({});
        const { email, nickname, username } = profile;
        return { userId, username, email, nickname, userRole: "CUSTOMER" as const };
      }),
      login: Effect.fn("user.login")(function* ({ payload }) {
        const found = yield* Effect.orDie(users.byUsername(payload.username));
        const correct = yield* passwords.verify(found?.passwordHash ?? decoy, payload.password);
        if (found === undefined || !correct) return yield* new BadCredentials({});
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
    return handlers.handle(
      "get",
      Effect.fn("user.get")(function* ({ params }) {
        const principal = yield* Auth.CurrentPrincipal;
        const allowed = principal.userId === params.userId || principal.role === "MASTER";
        const user = allowed ? yield* Effect.orDie(store.byId(params.userId)) : undefined;
        return user ?? (yield* new UserNotFound({}));
      }),
    );
  }),
);

export const layer = Layer.merge(auths, users);
