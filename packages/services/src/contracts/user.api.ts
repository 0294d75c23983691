/** The user context over HTTP: sign-up, login, and one's own profile. */
import { Auth, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { Text, UserId } from "./common.ts";

export const UserRole = Schema.Literals(["CUSTOMER", "PARTNER", "MASTER"]);
export type UserRole = typeof UserRole.Type;

export const Username = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]{4,10}$/, { expected: "4 to 10 lower-case letters and digits" }),
);

export const Password = Schema.Redacted(
  Schema.String.check(
    Schema.isPattern(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[!@#$%^&*])[A-Za-z\d!@#$%^&*]{8,64}$/, {
      expected: "8 to 64 characters with a lower-case letter, an upper-case letter, a digit and one of !@#$%^&*",
    }),
  ),
);

/** The role is never the client's to choose: who signs up is a customer. */
export const SignUp = Schema.Struct({
  username: Username,
  password: Password,
  /** Unique without regard to case. */
  email: Text({ minLength: 3, maxLength: 254 }).check(
    Schema.isPattern(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, { expected: "an e-mail address" }),
  ),
  nickname: Text({ minLength: 2, maxLength: 10 }),
  phone: Schema.String.check(
    Schema.isPattern(/^\d{3}-\d{4}-\d{4}$/, { expected: "a phone number such as 010-1234-5678" }),
  ),
});

export const Login = Schema.Struct({
  username: Text({ minLength: 1, maxLength: 64 }),
  password: Schema.Redacted(Schema.NonEmptyString.check(Schema.isMaxLength(256))),
});

export const User = Schema.Struct({
  userId: UserId,
  username: Schema.String,
  email: Schema.String,
  nickname: Schema.String,
  userRole: UserRole,
});
export type User = typeof User.Type;

export const Session = Schema.Struct({
  ...User.fields,
  accessToken: Schema.String,
  tokenType: Schema.Literal("Bearer"),
  expiresInSeconds: Schema.Int,
});

/** One answer for an unknown name and for a wrong password: whether a name exists is not told. */
export class BadCredentials extends Problem.Class<BadCredentials>()("BadCredentials", {
  code: "USER-ERROR-004",
  status: 401,
  title: "Unknown username or wrong password",
}) {}

export class UsernameTaken extends Problem.Class<UsernameTaken>()("UsernameTaken", {
  code: "USER-ERROR-002",
  status: 409,
  title: "Username, e-mail or nickname is taken",
}) {}

export class UserNotFound extends Problem.Class<UserNotFound>()("UserNotFound", {
  code: "USER-ERROR-001",
  status: 404,
  title: "User not found",
}) {}

export class Auths extends HttpApiGroup.make("auths").add(
  HttpApiEndpoint.post("signUp", "/v1/auths/signup/user", {
    payload: SignUp,
    success: User.pipe(HttpApiSchema.status(201)),
    error: [UsernameTaken, Problem.Unavailable],
  }),
  HttpApiEndpoint.post("login", "/v1/auths/login", {
    payload: Login,
    success: Session,
    error: [BadCredentials, Problem.Unavailable],
  }),
) {}

export class Users extends HttpApiGroup.make("users")
  .add(
    /** Oneself, or anybody for a MASTER. */
    HttpApiEndpoint.get("get", "/v1/users/:userId", {
      params: { userId: UserId },
      success: User,
      error: UserNotFound,
    }).annotate(Auth.Roles, ["CUSTOMER", "PARTNER", "MASTER"]),
  )
  .middleware(Auth.Bearer) {}

export class UserApi extends HttpApi.make("user").add(Auths).add(Users).annotateMerge(Problem.reportAll) {}
