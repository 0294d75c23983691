/** Users in PostgreSQL. */
import { Bulk, Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { User, type UserId, type UserRole } from "../contracts/index.ts";

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

export const migrations: Migrations.Migrations = {
  room: "user",
  steps: {
    "0001_users": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
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

interface Row {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly nickname: string;
  readonly role: string;
  readonly password_hash: string;
}

const columns = {
  id: "uuid",
  username: "text",
  email: "text",
  nickname: "text",
  phone: "text",
  role: "text",
  password_hash: "text",
} as const;

const decode = Schema.decodeUnknownSync(User);

const userOf = (row: Row): User =>
  decode({ userId: row.id, username: row.username, email: row.email, nickname: row.nickname, userRole: row.role });

export const make = (sql: SqlClient.SqlClient) => ({
  byId: (id: UserId) => Effect.map(sql<Row>`SELECT * FROM users WHERE id = ${id}::uuid`, (rows) => rows.map(userOf)[0]),
  byUsername: (username: string) =>
    Effect.map(
      sql<Row>`SELECT * FROM users WHERE username = ${username}`,
      (rows) => rows.map((row) => ({ user: userOf(row), passwordHash: row.password_hash }))[0],
    ),
  /** Answers whether it was inserted: false when a unique value is taken. */
  insert: (user: NewUser) =>
    Effect.map(
      sql`INSERT INTO users (id, username, email, nickname, phone, role, password_hash)
        VALUES (${user.id}::uuid, ${user.username}, ${user.email}, ${user.nickname}, ${user.phone}, ${user.role},
          ${user.passwordHash}) ON CONFLICT DO NOTHING RETURNING id`,
      (rows) => rows.length === 1,
    ),
});

/** Bulk insert for seeding; who exists stays as they are. */
export const insertAll = (users: ReadonlyArray<NewUser>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const rows = users.map(({ passwordHash, ...user }) => ({ ...user, password_hash: passwordHash }));
    yield* sql`INSERT INTO users (id, username, email, nickname, phone, role, password_hash)
      SELECT x.id, x.username, x.email, x.nickname, x.phone, x.role, x.password_hash
      FROM ${Bulk.rows(sql, "x", columns, rows)} ON CONFLICT DO NOTHING`;
  });
