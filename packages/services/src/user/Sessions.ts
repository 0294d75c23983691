/**
 * Sessions in PostgreSQL: which refresh token of a login is the one that is good.
 *
 * A session is one row however often it is renewed. Its refresh tokens are numbered; the row knows the number that is good. So a
 * lower number is a token that was used before, and no list of used ones has to be kept. See ADR 0019.
 *
 * Limits: `maxSessionsOfUser` at a time; a login more ends the one that would have ended first.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { SqlClient } from "effect/sql/SqlClient";
import type { UserId } from "../contracts/index.ts";

export const maxSessionsOfUser = 10;

export const tables = `
CREATE TABLE user_session (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id),
  token_no int NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_of_user ON user_session (user_id, expires_at);

`;

/** One refresh token of a session. */
export interface Place {
  readonly sessionId: string;
  readonly no: number;
}

/** How a token says which it is: its `jti`. */
export const tokenIdOf = ({ no, sessionId }: Place): string => `${sessionId}.${no}`;

export const placeOf = (tokenId: string): Option.Option<Place> => {
  const [, sessionId, no] = /^([0-9a-f-]{36})\.(\d{1,9})$/.exec(tokenId) ?? [];
  return sessionId === undefined || no === undefined ? Option.none() : Option.some({ sessionId, no: Number(no) });
};

/** A login that was found to be right, which it is no more if the password or the status changes meanwhile. */
interface Proven {
  readonly userId: UserId;
  readonly passwordHash: string;
}

export const make = (sql: SqlClient) => ({
  /** Answers whether it was opened. The user's row is locked against other logins, and the changes that end sessions. */
  open: (
    { passwordHash, userId }: Proven,
    { no, sessionId }: Place,
    at: { readonly nowMillis: number; readonly expiresAtMillis: number },
  ) =>
    sql.withTransaction(
      Effect.gen(function* () {
        const users = yield* sql`SELECT id FROM users
          WHERE id = ${userId}::uuid AND password_hash = ${passwordHash} AND status = 'ACTIVE' FOR NO KEY UPDATE`;
        if (users.length === 0) return false;
        // A statement of its own, because it has to see the sessions of the logins that the lock waited for.
        yield* sql`WITH ended AS (
            DELETE FROM user_session WHERE user_id = ${userId}::uuid AND (expires_at <= ${new Date(at.nowMillis)} OR id IN (
              SELECT id FROM user_session WHERE user_id = ${userId}::uuid
              ORDER BY expires_at DESC, id DESC OFFSET ${maxSessionsOfUser - 1})))
          INSERT INTO user_session (id, user_id, token_no, expires_at)
          VALUES (${sessionId}::uuid, ${userId}::uuid, ${no}, ${new Date(at.expiresAtMillis)})`;
        return true;
      }),
    ),
  /**
   * Whether the session goes on with the next token. If this one is not the one that is good, the session is over: the row is
   * locked by the update, so of two who bring the same token at once one gets the next, and the other ends what it got.
   */
  renew: Effect.fnUntraced(function* (userId: UserId, { no, sessionId }: Place, expiresAtMillis: number) {
    const renewed =
      yield* sql`UPDATE user_session SET token_no = token_no + 1, expires_at = ${new Date(expiresAtMillis)}
      WHERE id = ${sessionId}::uuid AND user_id = ${userId}::uuid AND token_no = ${no} RETURNING id`;
    if (renewed.length === 1) return true;
    yield* sql`DELETE FROM user_session WHERE id = ${sessionId}::uuid AND user_id = ${userId}::uuid`;
    return false;
  }),
  endAll: (userId: UserId) => sql`DELETE FROM user_session WHERE user_id = ${userId}::uuid`,
});
