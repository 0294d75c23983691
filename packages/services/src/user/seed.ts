/** People for rehearsals, straight into this service's store. */
import type * as Effect from "effect/Effect";
import type * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { insertMissing } from "../shared/Seeding.ts";
import type { NewUser } from "./Store.ts";

export { hashCheaply } from "./Passwords.ts";
export type { NewUser } from "./Store.ts";

/** What the store fills in by itself is left out. */
const table = {
  name: "users",
  key: ["id"],
  columns: {
    id: "uuid",
    username: "text",
    email: "text",
    nickname: "text",
    phone: "text",
    role: "text",
    password_hash: "text",
  },
} as const;

/** Who exists stays as they are; so does who has the name, under whatever id. */
export const seed = (users: ReadonlyArray<NewUser>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  insertMissing(
    table,
    users.map(({ passwordHash, ...user }) => ({ ...user, password_hash: passwordHash })),
  );
