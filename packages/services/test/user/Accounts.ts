/** What the tests of the user service have in common: the service, and people to sign up. */
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as User from "../../src/user/layer.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";

export const service = ServiceTest.layer("user", User.layer);

export const password = "Secret1!x";

/** The sign-up of somebody new. */
export const somebody = Effect.map(Ids.fresh, (id) => {
  const unique = id.replaceAll("-", "").slice(-8);
  return {
    username: `u${unique}`,
    password,
    email: `${unique}@example.com`,
    nickname: `n${unique}`,
    phone: "010-1234-5678",
  };
});

export const signedUp = Effect.gen(function* () {
  const { http } = yield* ServiceTest.ServiceTest;
  const profile = yield* somebody;
  const answer = yield* http.post("/v1/auths/signup/user", { body: profile });
  return { profile, answer, userId: String(answer.body["userId"]) };
});

export const login = Effect.fnUntraced(function* (username: string, secret: string = password) {
  const { http } = yield* ServiceTest.ServiceTest;
  return yield* http.post("/v1/auths/login", { body: { username, password: secret } });
});
