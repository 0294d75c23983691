/**
 * Search in PostgreSQL: products whose names have a word that begins with each word that was typed, in any order.
 *
 * Words are taken as they are, without stems: names are Korean and English, and no one dictionary knows both.
 * Limits: `maxWords` words count; a text without a letter or digit finds nothing.
 */
import { Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { Fragment } from "effect/sql/Statement";

export const maxWords = 8;

const index = `CREATE INDEX product_words ON product USING gin (to_tsvector('simple', name))`;

/** A list of its own: a search engine that replaces this takes the index with it. */
export const migrations: Migrations.Migrations = {
  room: "product_search",
  steps: {
    "0001_words": Effect.gen(function* () {
      yield* Migrations.statements(index)(yield* SqlClient.SqlClient);
    }),
  },
};

/** A condition on `product`. Letters and digits only, so nothing that was typed is an operator of a text query. */
export const matches = (sql: SqlClient.SqlClient, typed: string): Fragment => {
  const words = typed.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length === 0) return sql`false`;
  const query = words
    .slice(0, maxWords)
    .map((word) => `${word}:*`)
    .join(" & ");
  return sql`to_tsvector('simple', name) @@ to_tsquery('simple', ${query})`;
};
