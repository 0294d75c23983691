/** The user context over HTTP: sign-up, login, and one's own profile. */
import { Auth, Page, Problem, TokenVerifier } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { Instant, Text, UserId } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";

export const UserRole = Schema.Literals(["CUSTOMER", "PARTNER", "MASTER"]);
export type UserRole = typeof UserRole.Type;

/** Only an ACTIVE user logs in. Who is DELETED comes never back, and their name is never given to anybody else. */
export const UserStatus = Schema.Literals(["ACTIVE", "INACTIVE", "DELETED"]);
export type UserStatus = typeof UserStatus.Type;

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

/** Unique without regard to case. */
const Email = Text({ minLength: 3, maxLength: 254 }).check(
  Schema.isPattern(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, { expected: "an e-mail address" }),
);
const Nickname = Text({ minLength: 2, maxLength: 10 });
const Phone = Schema.String.check(
  Schema.isPattern(/^\d{3}-\d{4}-\d{4}$/, { expected: "a phone number such as 010-1234-5678" }),
);
/** A day of the calendar, not before 1900. That it is over is not asked: the contract has no clock. */
const Birth = Schema.String.check(
  Schema.makeFilter(
    (text) => {
      const time = /^(?:19|20)\d\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
      return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
    },
    { expected: "a day such as 1990-12-31" },
  ),
);
const Zipcode = Text({ minLength: 1, maxLength: 10 });
const AddressLine = Text({ minLength: 1, maxLength: 200 });

/** The role is never the client's to choose: who signs up is a customer. */
export const SignUp = Schema.Struct({
  username: Username,
  password: Password,
  email: Email,
  nickname: Nickname,
  phone: Phone,
  zipcode: Schema.optionalKey(Zipcode),
  address1: Schema.optionalKey(AddressLine),
  address2: Schema.optionalKey(AddressLine),
  /** Cannot be changed afterwards. */
  birth: Schema.optionalKey(Birth),
});

/** For those who run the shop: they know the token that its configuration holds. */
export const SignUpMaster = Schema.Struct({
  ...SignUp.fields,
  adminToken: Schema.Redacted(Schema.NonEmptyString.check(Schema.isMaxLength(256))),
});

/** What is left out stays; null takes an address away. */
export const UpdateUser = Schema.Struct({
  email: Schema.optionalKey(Email),
  nickname: Schema.optionalKey(Nickname),
  phone: Schema.optionalKey(Phone),
  zipcode: Schema.optionalKey(Schema.NullOr(Zipcode)),
  address1: Schema.optionalKey(Schema.NullOr(AddressLine)),
  address2: Schema.optionalKey(Schema.NullOr(AddressLine)),
});
export type UpdateUser = typeof UpdateUser.Type;

export const Login = Schema.Struct({
  username: Text({ minLength: 1, maxLength: 64 }),
  password: Schema.Redacted(Schema.NonEmptyString.check(Schema.isMaxLength(256))),
});

/** By what all completed orders together have cost: from 100,000, 500,000 and 10,000,000 won on. */
export const MembershipGrade = Schema.Literals(["WELCOME", "FRIEND", "FAMILY", "VIP"]);
export type MembershipGrade = typeof MembershipGrade.Type;

export const User = Schema.Struct({
  userId: UserId,
  username: Schema.String,
  email: Schema.String,
  nickname: Schema.String,
  userRole: UserRole,
});
export type User = typeof User.Type;

/** What only oneself and a MASTER may see. */
export const Profile = Schema.Struct({
  ...User.fields,
  phone: Schema.String,
  zipcode: Schema.NullOr(Schema.String),
  address1: Schema.NullOr(Schema.String),
  address2: Schema.NullOr(Schema.String),
  birth: Schema.NullOr(Schema.String),
  membershipGrade: MembershipGrade,
  /** Won: what was paid for completed orders that were not taken back. Some seconds old at most while the shop is well. */
  totalPurchase: Schema.Int,
  userStatus: UserStatus,
  createdAt: Instant,
});
export type Profile = typeof Profile.Type;

/** A login on one device. Who they are and their role are as of now, not as of the login. */
export const Session = Schema.Struct({
  ...User.fields,
  accessToken: Schema.String,
  tokenType: Schema.Literal("Bearer"),
  expiresInSeconds: Schema.Int,
  /** Good for one `reissue`, which gives the next one. */
  refreshToken: Schema.String,
  refreshExpiresInSeconds: Schema.Int,
});

export const ReissueTokens = Schema.Struct({
  refreshToken: Schema.Redacted(Schema.NonEmptyString.check(Schema.isMaxLength(TokenVerifier.maxTokenLength))),
});

/** One answer for an unknown name and for a wrong password: whether a name exists is not told. */
export class BadCredentials extends Problem.Class<BadCredentials>()("BadCredentials", {
  code: "USER-ERROR-004",
  status: 401,
  title: "Unknown username or wrong password",
}) {}

/** One answer for all that can be wrong with it: forged, expired, used before, logged out, or its user is not ACTIVE. */
export class SessionEnded extends Problem.Class<SessionEnded>()("SessionEnded", {
  code: "USER-ERROR-006",
  status: 401,
  title: "The session has ended: log in again",
}) {}

export class WrongAdminToken extends Problem.Class<WrongAdminToken>()("WrongAdminToken", {
  code: "USER-ERROR-003",
  status: 403,
  title: "Wrong admin token",
}) {}

export class WrongPassword extends Problem.Class<WrongPassword>()("WrongPassword", {
  code: "USER-ERROR-005",
  status: 403,
  title: "The current password is another one",
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
  HttpApiEndpoint.post("signUpMaster", "/v1/auths/signup/master", {
    payload: SignUpMaster,
    success: User.pipe(HttpApiSchema.status(201)),
    error: [UsernameTaken, WrongAdminToken, Problem.Unavailable],
  }),
  HttpApiEndpoint.post("login", "/v1/auths/login", {
    payload: Login,
    success: Session,
    error: [BadCredentials, Problem.Unavailable],
  }),
  /**
   * Fresh tokens for a refresh token, which is used up by it. One that comes a second time ends its session: one of the two who
   * had it should not have had it. So whoever lost the answer logs in again.
   */
  HttpApiEndpoint.post("reissue", "/v1/auths/reissue", {
    payload: ReissueTokens,
    success: Session,
    error: SessionEnded,
  }),
) {}

export const SearchType = Schema.Literals(["USERNAME", "EMAIL", "NICKNAME", "PHONE"]);
export type SearchType = typeof SearchType.Type;

const everybody = ["CUSTOMER", "PARTNER", "MASTER"] as const;
const ofUser = { userId: UserId };
const Position = Schema.Struct({ id: UserId });

export class Sessions extends HttpApiGroup.make("sessions")
  .add(
    /**
     * Ends every session of oneself, or of `userId` for a MASTER, on all devices: no refresh token is good any more. Access
     * tokens that were given out live to their end, which is 15 minutes at most.
     */
    HttpApiEndpoint.post("logout", "/v1/auths/logout", {
      query: { userId: Schema.optionalKey(UserId) },
      success: HttpApiSchema.NoContent,
      error: UserNotFound,
    }).annotate(Auth.Roles, everybody),
  )
  .middleware(Auth.Bearer) {}

export class Users extends HttpApiGroup.make("users")
  .add(
    /** Oneself, or anybody for a MASTER; others do not exist. So it is with all that follows. */
    HttpApiEndpoint.get("get", "/v1/users/:userId", {
      params: ofUser,
      success: Profile,
      error: UserNotFound,
    }).annotate(Auth.Roles, everybody),
    HttpApiEndpoint.patch("update", "/v1/users/:userId", {
      params: ofUser,
      payload: UpdateUser,
      success: Profile,
      error: [UserNotFound, UsernameTaken],
    }).annotate(Auth.Roles, everybody),
    /** Only oneself: a MASTER does not know the current one. Every session ends with it. */
    HttpApiEndpoint.post("changePassword", "/v1/users/:userId/password", {
      params: ofUser,
      payload: Schema.Struct({ currentPassword: Login.fields.password, newPassword: Password }),
      success: HttpApiSchema.NoContent,
      error: [UserNotFound, WrongPassword, Problem.Unavailable],
    }).annotate(Auth.Roles, everybody),
    /** Every session ends with it; access tokens as after `logout`. */
    HttpApiEndpoint.delete("remove", "/v1/users/:userId", {
      params: ofUser,
      success: HttpApiSchema.NoContent,
      error: UserNotFound,
    }).annotate(Auth.Roles, everybody),
    /** Newest first, those who are DELETED only when asked for. `keyword`: a part of what `searchType` names. */
    HttpApiEndpoint.get("list", "/v1/users", {
      query: {
        ...Page.Query(Position),
        userStatus: Schema.optionalKey(UserStatus),
        userRole: Schema.optionalKey(UserRole),
        searchType: Schema.optionalKey(SearchType),
        keyword: Schema.optionalKey(Text({ minLength: 1, maxLength: 100 })),
      },
      success: Page.Of(Profile, Position),
    }).annotate(Auth.Roles, ["MASTER"]),
    /** Also how a customer becomes a PARTNER. A role holds from the next login or `reissue` on; INACTIVE ends every session. */
    HttpApiEndpoint.post("setStatus", "/v1/users/:userId/status", {
      params: ofUser,
      payload: Schema.Struct({
        userStatus: Schema.optionalKey(Schema.Literals(["ACTIVE", "INACTIVE"])),
        userRole: Schema.optionalKey(UserRole),
      }),
      success: Profile,
      error: UserNotFound,
    }).annotate(Auth.Roles, ["MASTER"]),
  )
  .middleware(Auth.Bearer) {}

export class UserApi extends HttpApi.make("user")
  .add(Auths, Sessions, Users, DeadLetters)
  .annotateMerge(Problem.reportAll) {}
