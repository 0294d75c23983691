import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { UserId } from "../../src/contracts/index.ts";
import * as User from "../../src/user/layer.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import type { Shopper } from "../shared/TestTokens.ts";
import * as Accounts from "./Accounts.ts";

const refused = ({ body, status }: Answer) => [status, body["code"]];

/** Somebody new, with a token of their own. */
const person = Effect.gen(function* () {
  const { tokens } = yield* ServiceTest.ServiceTest;
  const { profile, userId } = yield* Accounts.signedUp;
  return { profile, self: yield* tokens.as("CUSTOMER", UserId.make(userId)), path: `/v1/users/${userId}` };
});

layer(Accounts.service, { excludeTestServices: true })("one's own profile", (it) => {
  it.effect("what is sent changes, what is left out stays, and null takes an address away", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const { path, profile, self } = yield* person;
      const change = (body: object) => http.patch(path, { as: self, body });
      yield* change({ zipcode: "04524", address1: "서울시 중구", address2: "2층" });
      const answer = yield* change({ phone: "010-0000-0000", address2: null });
      assert.strictEqual(answer.status, 200);
      const expected = { phone: "010-0000-0000", zipcode: "04524", address1: "서울시 중구", address2: null };
      assert.deepInclude(answer.body, { ...expected, email: profile.email, nickname: profile.nickname });
      assert.deepStrictEqual((yield* http.get(path, { as: self })).body, answer.body);
    }),
  );

  it.effect(
    "the day of birth is what was said at sign-up, for good; no day is none, and one that is no day is refused",
    () =>
      Effect.gen(function* () {
        const { http, tokens } = yield* ServiceTest.ServiceTest;
        const born = { ...(yield* Accounts.somebody), birth: "2000-02-29" };
        const { body } = yield* http.post("/v1/auths/signup/user", { body: born });
        const self = yield* tokens.as("CUSTOMER", UserId.make(String(body["userId"])));
        const path = `/v1/users/${self.userId}`;
        assert.strictEqual((yield* http.get(path, { as: self })).body["birth"], "2000-02-29");
        const changed = yield* http.patch(path, { as: self, body: { birth: "1999-01-01", phone: "010-0000-0001" } });
        assert.deepInclude(changed.body, { birth: "2000-02-29", phone: "010-0000-0001" });
        const unborn = yield* person;
        assert.isNull((yield* http.get(unborn.path, { as: unborn.self })).body["birth"]);
        for (const birth of ["2001-02-29", "1990-13-01", "1899-12-31", "90-12-31", "1990-1-1", "", 19901231]) {
          const answer = yield* http.post("/v1/auths/signup/user", { body: { ...(yield* Accounts.somebody), birth } });
          assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["birth"]], String(birth));
        }
      }),
  );

  it.effect("a taken e-mail or nickname is 409 and changes nothing; a role or status that is sent is ignored", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const [other, { path, profile, self }] = [yield* person, yield* person];
      for (const taken of [{ email: other.profile.email.toUpperCase() }, { nickname: other.profile.nickname }]) {
        const body = { ...taken, phone: "010-9999-9999" };
        assert.deepStrictEqual(refused(yield* http.patch(path, { as: self, body })), [409, "USER-ERROR-002"]);
      }
      const body = { userRole: "MASTER", userStatus: "INACTIVE", username: "root1" };
      const { body: after } = yield* http.patch(path, { as: self, body });
      assert.deepInclude(after, {
        username: profile.username,
        userRole: "CUSTOMER",
        userStatus: "ACTIVE",
        phone: profile.phone,
      });
      assert.deepStrictEqual(fieldsOf(yield* http.patch(path, { as: self, body: { phone: "1", email: "x" } })), [
        "email",
        "phone",
      ]);
    }),
  );

  it.effect("a new password needs the current one, and the old one opens nothing any more", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { path, profile, self } = yield* person;
      const change = (as: Shopper, currentPassword: string, newPassword = "Other1!xyz") =>
        http.post(`${path}/password`, { as, body: { currentPassword, newPassword } });
      assert.deepStrictEqual(refused(yield* change(self, "Wrong1!xx")), [403, "USER-ERROR-005"]);
      assert.deepStrictEqual(refused(yield* change(yield* tokens.master, Accounts.password)), [404, "USER-ERROR-001"]);
      const weak = yield* change(self, Accounts.password, "weak-secret");
      assert.deepStrictEqual([weak.status, fieldsOf(weak)], [400, ["newPassword"]]);
      assert.notInclude(weak.text, "weak-secret");
      assert.strictEqual((yield* change(self, Accounts.password)).status, 204);
      assert.strictEqual((yield* Accounts.login(profile.username)).status, 401);
      assert.strictEqual((yield* Accounts.login(profile.username, "Other1!xyz")).status, 200);
    }),
  );

  it.effect("who is deleted is gone: no login, no profile, and the name is nobody else's", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest.ServiceTest;
      const { path, profile, self } = yield* person;
      assert.strictEqual((yield* http.send("DELETE", path, { as: self })).status, 204);
      for (const answer of [
        yield* http.get(path, { as: self }),
        yield* http.patch(path, { as: self, body: {} }),
        yield* http.send("DELETE", path, { as: self }),
      ]) {
        assert.deepStrictEqual(refused(answer), [404, "USER-ERROR-001"]);
      }
      assert.deepStrictEqual(refused(yield* Accounts.login(profile.username)), [401, "USER-ERROR-004"]);
      const again = yield* http.post("/v1/auths/signup/user", { body: profile });
      assert.deepStrictEqual(refused(again), [409, "USER-ERROR-002"]);
    }),
  );

  it.effect("a stranger changes nothing of somebody, and does not learn that they exist", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { path, profile } = yield* person;
      const as = yield* tokens.partner;
      for (const answer of [
        yield* http.patch(path, { as, body: { nickname: "mine" } }),
        yield* http.send("DELETE", path, { as }),
        yield* http.post(`${path}/password`, {
          as,
          body: { currentPassword: Accounts.password, newPassword: "Other1!xyz" },
        }),
      ]) {
        assert.deepStrictEqual(refused(answer), [404, "USER-ERROR-001"]);
      }
      assert.strictEqual((yield* Accounts.login(profile.username)).status, 200);
    }),
  );
});

layer(Accounts.service, { excludeTestServices: true })("those who run the shop", (it) => {
  it.effect("make a customer a partner, and shut somebody out until they let them in again", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const { path, profile } = yield* person;
      const as = yield* tokens.master;
      const set = (body: object) => http.post(`${path}/status`, { as, body });
      assert.deepInclude((yield* set({ userRole: "PARTNER" })).body, { userRole: "PARTNER", userStatus: "ACTIVE" });
      assert.strictEqual((yield* Accounts.login(profile.username)).body["userRole"], "PARTNER");
      assert.strictEqual((yield* set({ userStatus: "INACTIVE" })).body["userStatus"], "INACTIVE");
      assert.deepStrictEqual(refused(yield* Accounts.login(profile.username)), [401, "USER-ERROR-004"]);
      yield* set({ userStatus: "ACTIVE" });
      assert.strictEqual((yield* Accounts.login(profile.username)).status, 200);
      assert.deepStrictEqual(fieldsOf(yield* set({ userStatus: "DELETED" })), ["userStatus"]);
    }),
  );

  it.effect("find people by a part of a name, by role and by status, page by page", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const as = yield* tokens.master;
      const people = yield* Effect.replicateEffect(person, 3);
      const [first, , last] = people;
      const list = (query: string) => http.get(`/v1/users?${query}`, { as });
      const names = (answer: Answer) => itemsOf(answer).map(({ username }) => username);
      const part = first?.profile.email.slice(0, 8).toUpperCase();
      assert.deepStrictEqual(names(yield* list(`searchType=EMAIL&keyword=${part}`)), [first?.profile.username]);
      const pageOne = yield* list("limit=2&userRole=CUSTOMER");
      const pageTwo = yield* list(`limit=2&userRole=CUSTOMER&${nextOf(pageOne)}`);
      assert.deepStrictEqual(
        [...names(pageOne), ...names(pageTwo)].slice(0, 3),
        people.toReversed().map(({ profile }) => profile.username),
      );
      yield* http.send("DELETE", last?.path ?? "", { as });
      assert.notInclude(names(yield* list("limit=100")), last?.profile.username);
      assert.include(names(yield* list("limit=100&userStatus=DELETED")), last?.profile.username);
      assert.deepStrictEqual(names(yield* list("userRole=MASTER")), []);
      assert.deepStrictEqual(names(yield* list("keyword=%25")), [], "no wildcards");
    }),
  );
});

const withToken = ServiceTest.layer("user", User.layer, { settings: { DESTINY_ADMIN_TOKEN: "let-me-in" } });

const signUpMaster = Effect.fnUntraced(function* (adminToken: unknown) {
  const { http } = yield* ServiceTest.ServiceTest;
  const body = { ...(yield* Accounts.somebody), adminToken };
  return { body, answer: yield* http.post("/v1/auths/signup/master", { body }) };
});

layer(withToken, { excludeTestServices: true })("signing up as a MASTER", (it) => {
  it.effect("needs the token of the configuration, whatever else is sent", () =>
    Effect.gen(function* () {
      const right = yield* signUpMaster("let-me-in");
      assert.deepStrictEqual([right.answer.status, right.answer.body["userRole"]], [201, "MASTER"]);
      assert.strictEqual((yield* Accounts.login(right.body.username)).body["userRole"], "MASTER");
      for (const guess of ["let-me-i", "let-me-in ", "LET-ME-IN"]) {
        const wrong = yield* signUpMaster(guess);
        assert.deepStrictEqual(refused(wrong.answer), [403, "USER-ERROR-003"]);
        assert.strictEqual((yield* Accounts.login(wrong.body.username)).status, 401);
      }
      for (const none of [undefined, "", null]) {
        const { answer } = yield* signUpMaster(none);
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["adminToken"]]);
      }
    }),
  );
});

layer(Accounts.service, { excludeTestServices: true })("without a configured token", (it) => {
  it.effect("nobody signs up as a MASTER", () =>
    Effect.gen(function* () {
      for (const guess of ["undefined", "null", "x"]) {
        assert.deepStrictEqual(refused((yield* signUpMaster(guess)).answer), [403, "USER-ERROR-003"]);
      }
    }),
  );
});
