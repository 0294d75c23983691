/** Users in PostgreSQL. */
import { Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import {
  Profile,
  type SearchType,
  type UpdateUser,
  User,
  type UserId,
  type UserRole,
  type UserStatus,
} from "../contracts/index.ts";
import { gradeOf } from "./Domain.ts";
import * as Purchases from "./Purchases.ts";
import * as Sessions from "./Sessions.ts";

const tables = `
CREATE TABLE users (
  id uuid PRIMARY KEY,
  username text NOT NULL UNIQUE,
  email text NOT NULL,
  nickname text NOT NULL UNIQUE,
  phone text NOT NULL,
  role text NOT NULL CHECK (role IN ('CUSTOMER', 'PARTNER', 'MASTER')),
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX users_email ON users (lower(email));

`;

const profiles = `
ALTER TABLE users ADD COLUMN zipcode text, ADD COLUMN address1 text, ADD COLUMN address2 text,
  ADD COLUMN status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE', 'DELETED')),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

`;

const births = `ALTER TABLE users ADD COLUMN birth date`;

export const migrations: Migrations.Migrations = {
  room: "user",
  steps: {
    "0001_users": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
    "0002_profiles": Effect.gen(function* () {
      yield* Migrations.statements(profiles)(yield* SqlClient.SqlClient);
    }),
    "0003_sessions": Effect.gen(function* () {
      yield* Migrations.statements(Sessions.tables)(yield* SqlClient.SqlClient);
    }),
    "0004_births": Effect.gen(function* () {
      yield* Migrations.statements(births)(yield* SqlClient.SqlClient);
    }),
    "0005_purchases": Effect.gen(function* () {
      yield* Migrations.statements(Purchases.tables)(yield* SqlClient.SqlClient);
    }),
    "0006_purchase": Effect.gen(function* () {
      yield* Migrations.statements(Purchases.orderTables)(yield* SqlClient.SqlClient);
    }),
  },
};

export interface NewUser {
  readonly id: UserId;
  readonly username: string;
  readonly email: string;
  readonly nickname: string;
  readonly phone: string;
  readonly role: UserRole;
  readonly passwordHash: string;
}

interface Details {
  readonly birth?: string | undefined;
  readonly zipcode?: string | undefined;
  readonly address1?: string | undefined;
  readonly address2?: string | undefined;
}

interface Row {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly nickname: string;
  readonly role: string;
  readonly phone: string;
  readonly zipcode: string | null;
  readonly address1: string | null;
  readonly address2: string | null;
  readonly birth: string | null;
  readonly status: UserStatus;
  readonly password_hash: string;
  readonly created_at: Date;
}

const decode = Schema.decodeUnknownSync(User);

const userOf = (row: Row): User =>
  decode({ userId: row.id, username: row.username, email: row.email, nickname: row.nickname, userRole: row.role });

/** A user's row with what they have bought for. */
interface ProfileRow extends Row {
  readonly purchased: bigint;
}

const decodeProfile = Schema.decodeUnknownSync(Profile);

const profileOf = (row: ProfileRow): Profile =>
  decodeProfile({
    ...userOf(row),
    phone: row.phone,
    zipcode: row.zipcode,
    address1: row.address1,
    address2: row.address2,
    birth: row.birth,
    membershipGrade: gradeOf(Number(row.purchased)),
    totalPurchase: Number(row.purchased),
    userStatus: row.status,
    createdAt: row.created_at.getTime(),
  });

/** Who may log in, and with which password. */
const accountOf = (row: Row) => ({ user: userOf(row), status: row.status, passwordHash: row.password_hash });

export interface UserFilter {
  readonly status?: UserStatus | undefined;
  readonly role?: UserRole | undefined;
  readonly search?: { readonly in: SearchType; readonly part: string } | undefined;
}

const searched: Readonly<Record<SearchType, string>> = {
  USERNAME: "username",
  EMAIL: "email",
  NICKNAME: "nickname",
  PHONE: "phone",
};

/** What stays is null here, so what is to become null is said beside it. */
const kept = <A>(value: A | null | undefined) => ({ value: value ?? null, isGiven: value !== undefined });

/** Whoever is deleted is found by nobody but the list. */
export const make = (sql: SqlClient.SqlClient) => {
  const profile = sql`users.*, coalesce((SELECT total FROM user_purchases WHERE user_id = users.id), 0)::bigint AS purchased`;
  return {
    byId: (id: UserId) =>
      Effect.map(
        sql<ProfileRow>`SELECT ${profile} FROM users WHERE id = ${id}::uuid AND status <> 'DELETED'`,
        (rows) => rows.map(profileOf)[0],
      ),
    account: (id: UserId) =>
      Effect.map(
        sql<Row>`SELECT * FROM users WHERE id = ${id}::uuid AND status <> 'DELETED'`,
        (rows) => rows.map(accountOf)[0],
      ),
    byUsername: (username: string) =>
      Effect.map(sql<Row>`SELECT * FROM users WHERE username = ${username}`, (rows) => rows.map(accountOf)[0]),
    /** Newest first. */
    page: ({ role, search, status }: UserFilter, after: UserId | undefined, limit: number) =>
      Effect.map(
        sql<ProfileRow>`SELECT ${profile} FROM users
        WHERE ${status === undefined ? sql`status <> 'DELETED'` : sql`status = ${status}`}
          AND ${role === undefined ? sql`true` : sql`role = ${role}`}
          AND ${search === undefined ? sql`true` : sql`position(lower(${search.part}) IN lower(${sql(searched[search.in])})) > 0`}
          AND ${after === undefined ? sql`true` : sql`id < ${after}::uuid`}
        ORDER BY id DESC LIMIT ${limit}`,
        (rows) => rows.map(profileOf),
      ),
    /** Undefined: there is no such user. Fails with a unique violation when a value is taken. */
    update: (id: UserId, { address1, address2, email, nickname, phone, zipcode }: UpdateUser) => {
      const [zip, first, second] = [kept(zipcode), kept(address1), kept(address2)];
      return Effect.map(
        sql<ProfileRow>`UPDATE users SET email = coalesce(${email ?? null}, email), nickname = coalesce(${nickname ?? null}, nickname),
          phone = coalesce(${phone ?? null}, phone), updated_at = now(),
          zipcode = CASE WHEN ${zip.isGiven} THEN ${zip.value} ELSE zipcode END,
          address1 = CASE WHEN ${first.isGiven} THEN ${first.value} ELSE address1 END,
          address2 = CASE WHEN ${second.isGiven} THEN ${second.value} ELSE address2 END
        WHERE id = ${id}::uuid AND status <> 'DELETED' RETURNING ${profile}`,
        (rows) => rows.map(profileOf)[0],
      );
    },
    /** Who is not ACTIVE has no sessions. */
    setStatus: (id: UserId, status: UserStatus | undefined, role: UserRole | undefined) =>
      sql.withTransaction(
        Effect.gen(function* () {
          const rows = yield* sql<ProfileRow>`UPDATE users SET status = coalesce(${status ?? null}, status),
          role = coalesce(${role ?? null}, role), updated_at = now()
          WHERE id = ${id}::uuid AND status <> 'DELETED' RETURNING ${profile}`;
          const user = rows.map(profileOf)[0];
          if (user !== undefined && user.userStatus !== "ACTIVE") yield* Sessions.make(sql).endAll(id);
          return user;
        }),
      ),
    /** Only over the hash that was verified: of two changes at once the second fails. Sessions of the old password end. */
    setPassword: (id: UserId, from: string, to: string) =>
      sql.withTransaction(
        Effect.gen(function* () {
          const rows = yield* sql`UPDATE users SET password_hash = ${to}, updated_at = now()
          WHERE id = ${id}::uuid AND password_hash = ${from} AND status <> 'DELETED' RETURNING id`;
          // A statement of its own, because it has to see the sessions of logins that the update waited for.
          if (rows.length === 1) yield* Sessions.make(sql).endAll(id);
          return rows.length === 1;
        }),
      ),
    /** Answers whether it was inserted: false when a unique value is taken. */
    insert: (user: NewUser & Details) =>
      Effect.map(
        sql`INSERT INTO users (id, username, email, nickname, phone, role, password_hash, zipcode, address1, address2, birth)
        VALUES (${user.id}::uuid, ${user.username}, ${user.email}, ${user.nickname}, ${user.phone}, ${user.role},
          ${user.passwordHash}, ${user.zipcode ?? null}, ${user.address1 ?? null}, ${user.address2 ?? null},
          ${user.birth ?? null}::date) ON CONFLICT DO NOTHING RETURNING id`,
        (rows) => rows.length === 1,
      ),
  };
};
