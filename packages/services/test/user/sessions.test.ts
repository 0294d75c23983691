import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Schedule from "effect/Schedule";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import { UserId } from "../../src/contracts/index.ts";
import * as Sessions from "../../src/user/Sessions.ts";
import * as Store from "../../src/user/Store.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import type { Answer } from "../shared/TestHttp.ts";
import { unacceptable } from "../shared/TestTokens.ts";
import * as Accounts from "./Accounts.ts";

const { maxSessionsOfUser } = Sessions;

const refused = ({ body, status }: Answer) => [status, body["code"]];
const ended = [401, "USER-ERROR-006"];

const refreshOf = ({ body, status }: Answer): string => {
  assert.strictEqual(status, 200);
  return String(body["refreshToken"]);
};

const reissue = Effect.fnUntraced(function* (refreshToken: string) {
  const { http } = yield* ServiceTest.ServiceTest;
  return yield* http.post("/v1/auths/reissue", { body: { refreshToken } });
});

/** Somebody new who has just logged in. */
const loggedIn = Effect.gen(function* () {
  const { profile, userId } = yield* Accounts.signedUp;
  const session = yield* Accounts.login(profile.username);
  const access = String(session.body["accessToken"]);
  return { userId: UserId.make(userId), profile, session, access, refresh: refreshOf(session) };
});

layer(Accounts.service, { excludeTestServices: true })("a session", (it) => {
  it.effect("goes on with each refresh token's successor, and the access tokens are good", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const { refresh, session, userId } = yield* loggedIn;
      let token = refresh;
      for (const _ of [1, 2, 3]) {
        const next = yield* reissue(token);
        token = refreshOf(next);
        assert.hasAllKeys(next.body, Object.keys(session.body));
        const got = yield* http.get(`/v1/users/${userId}`, { as: String(next.body["accessToken"]) });
        assert.strictEqual(got.status, 200);
      }
    }),
  );

  it.effect("is over when a refresh token comes a second time, for whoever holds the newest one too", () =>
    Effect.gen(function* () {
      const { profile, refresh } = yield* loggedIn;
      const other = refreshOf(yield* Accounts.login(profile.username));
      const newest = refreshOf(yield* reissue(refreshOf(yield* reissue(refresh))));
      assert.deepStrictEqual(refused(yield* reissue(refresh)), ended);
      assert.deepStrictEqual(refused(yield* reissue(newest)), ended);
      // Another device of theirs is not concerned.
      assert.strictEqual((yield* reissue(other)).status, 200);
    }),
  );

  it.effect("gives at most one successor when one token comes many times at once", () =>
    Effect.gen(function* () {
      const { refresh } = yield* loggedIn;
      const answers = yield* Effect.all(
        Array.from({ length: 8 }, () => reissue(refresh)),
        { concurrency: "unbounded" },
      );
      assert.isAtMost(answers.filter(({ status }) => status === 200).length, 1);
      for (const answer of answers) if (answer.status !== 200) assert.deepStrictEqual(refused(answer), ended);
    }),
  );

  it.effect("is renewed by its own refresh token only: no other token, however good, has the same 401", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest.ServiceTest;
      const { access, userId } = yield* loggedIn;
      const strange = [
        access,
        "x",
        ...(yield* Effect.forEach(unacceptable, (flaw) => tokens.bad(flaw, "CUSTOMER", userId))),
      ];
      for (const token of strange) assert.deepStrictEqual(refused(yield* reissue(token)), ended, token);
    }),
  );

  it.effect("ends with logout, on all devices; the others' go on", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const [somebody, other] = [yield* loggedIn, yield* loggedIn];
      const second = refreshOf(yield* Accounts.login(somebody.profile.username));
      assert.strictEqual((yield* http.post("/v1/auths/logout", { as: somebody.access })).status, 204);
      for (const token of [somebody.refresh, second]) assert.deepStrictEqual(refused(yield* reissue(token)), ended);
      assert.strictEqual((yield* reissue(other.refresh)).status, 200);
      // A login in the same second is a new session.
      assert.strictEqual((yield* reissue(refreshOf(yield* Accounts.login(somebody.profile.username)))).status, 200);
    }),
  );

  it.effect("of somebody else is ended by a MASTER only, and nobody learns who exists", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { refresh, userId } = yield* loggedIn;
      const logout = (as: { readonly token: string }, of: string) =>
        http.post(`/v1/auths/logout?userId=${of}`, { as: as.token });
      for (const as of [yield* tokens.customer, yield* tokens.partner]) {
        assert.deepStrictEqual(refused(yield* logout(as, userId)), [404, "USER-ERROR-001"]);
      }
      const { userId: nobody } = yield* tokens.customer;
      assert.deepStrictEqual(refused(yield* logout(yield* tokens.master, nobody)), [404, "USER-ERROR-001"]);
      const next = refreshOf(yield* reissue(refresh));
      assert.strictEqual((yield* logout(yield* tokens.master, userId)).status, 204);
      assert.deepStrictEqual(refused(yield* reissue(next)), ended);
    }),
  );

  it.effect("ends with a new password, with INACTIVE and with deletion", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const master = yield* tokens.master;
      const ends = [
        ({ access, userId }: Effect.Success<typeof loggedIn>) =>
          http.post(`/v1/users/${userId}/password`, {
            as: access,
            body: { currentPassword: Accounts.password, newPassword: "Other1!xyz" },
          }),
        ({ userId }: Effect.Success<typeof loggedIn>) =>
          http.post(`/v1/users/${userId}/status`, { as: master, body: { userStatus: "INACTIVE" } }),
        ({ access, userId }: Effect.Success<typeof loggedIn>) =>
          http.send("DELETE", `/v1/users/${userId}`, { as: access }),
      ];
      for (const end of ends) {
        const somebody = yield* loggedIn;
        assert.isBelow((yield* end(somebody)).status, 300);
        assert.deepStrictEqual(refused(yield* reissue(somebody.refresh)), ended);
      }
    }),
  );

  it.effect("takes a new role with its next token", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { refresh, userId } = yield* loggedIn;
      const body = { userRole: "PARTNER" };
      yield* http.post(`/v1/users/${userId}/status`, { as: yield* tokens.master, body });
      assert.strictEqual((yield* reissue(refresh)).body["userRole"], "PARTNER");
    }),
  );

  it.effect(`one of more than ${maxSessionsOfUser} of a user is the oldest one's end`, () =>
    Effect.gen(function* () {
      const { profile, refresh, userId } = yield* loggedIn;
      for (let login = 1; login <= maxSessionsOfUser; login++) yield* Accounts.login(profile.username);
      assert.deepStrictEqual(refused(yield* reissue(refresh)), ended);
      const sql = yield* SqlClient.SqlClient;
      const rows = yield* sql`SELECT id FROM user_session WHERE user_id = ${userId}::uuid`;
      assert.strictEqual(rows.length, maxSessionsOfUser);
    }),
  );
});

layer(TestDatabase.layer(inject("pgPort")), { excludeTestServices: true })("the rows of sessions", (it) => {
  /** A user in a database with nothing else, and a way to log them in. */
  const user = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    yield* Migrations.run([Store.migrations]);
    const id = UserId.make(yield* Ids.fresh);
    const users = Store.make(sql);
    const person = { username: id, email: `${id}@example.com`, nickname: id, phone: "010-1234-5678" };
    yield* users.insert({ ...person, id, role: "CUSTOMER", passwordHash: "first" });
    const open = Effect.fnUntraced(function* (passwordHash: string) {
      const nowMillis = yield* Clock.currentTimeMillis;
      const place = { sessionId: yield* Ids.fresh, no: 1 };
      const at = { nowMillis, expiresAtMillis: nowMillis + 60_000 };
      return yield* Sessions.make(sql).open({ userId: id, passwordHash }, place, at);
    });
    const count = Effect.map(sql`SELECT id FROM user_session WHERE user_id = ${id}::uuid`, (rows) => rows.length);
    return { id, users, open, count };
  });

  it.effect(`are ${maxSessionsOfUser} of a user at most, however many logins come at once`, () =>
    Effect.gen(function* () {
      const { count, open } = yield* user;
      const sql = yield* SqlClient.SqlClient;
      yield* Effect.replicateEffect(open("first"), maxSessionsOfUser);
      const [isOpen, mayCommit] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()];
      const login = sql.withTransaction(
        Effect.gen(function* () {
          yield* open("first");
          yield* Deferred.succeed(isOpen, undefined);
          yield* Deferred.await(mayCommit);
        }),
      );
      const first = yield* Effect.forkChild(login);
      yield* Deferred.await(isOpen);
      const others = yield* Effect.forkChild(Effect.replicateEffect(open("first"), 3, { concurrency: "unbounded" }));
      const waiting = sql`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      yield* Effect.repeat(waiting, { until: ({ length }) => length === 3, schedule: Schedule.spaced("5 millis") });
      yield* Deferred.succeed(mayCommit, undefined);
      yield* Fiber.join(first);
      assert.deepStrictEqual(yield* Fiber.join(others), [true, true, true]);
      assert.strictEqual(yield* count, maxSessionsOfUser);
    }),
  );

  it.effect("are not opened with a password that was changed since it was verified, nor for who is INACTIVE", () =>
    Effect.gen(function* () {
      const { count, id, open, users } = yield* user;
      assert.isTrue(yield* users.setPassword(id, "first", "second"));
      assert.deepStrictEqual([yield* open("first"), yield* count], [false, 0]);
      assert.deepStrictEqual([yield* open("second"), yield* count], [true, 1]);
      yield* users.setStatus(id, "INACTIVE", undefined);
      assert.deepStrictEqual([yield* open("second"), yield* count], [false, 0]);
    }),
  );
});
