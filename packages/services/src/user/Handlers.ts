/** Users over HTTP: see contracts/user.api.ts. */
import { Auth, Page } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { UserApi, type UserId, UsernameTaken, UserNotFound, WrongPassword } from "../contracts/index.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import * as Accounts from "./Accounts.ts";
import { decode } from "./Messages.ts";
import { Passwords } from "./Passwords.ts";
import { Purchases } from "./Purchases.ts";
import * as Store from "./Store.ts";

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

const deadLetters = HttpApiBuilder.group(UserApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Purchases;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "user", decode, commit }));
  }),
);

export const layer = Layer.mergeAll(Accounts.layer, users, deadLetters);
