/**
 * Lists as `{ items, nextCursor }`, one page after another by an opaque cursor.
 *
 * Guarantee: a cursor names a position, not an offset, so rows that are added or removed before it neither repeat nor hide others; a cursor
 * that was not made for the list is a 400, never a guess.
 *
 * Limits: `maxLimit` items a page, `maxCursorLength` characters a cursor. A cursor is not signed: it must hold nothing but the position,
 * and the query must check the reader's rights on every page.
 */
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";

export const defaultLimit = 20;

export const maxLimit = 100;

export const maxCursorLength = 1_024;

/** The query parameter: 1 to `maxLimit`, `defaultLimit` if absent. */
export const Limit = Schema.FiniteFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1, maximum: maxLimit }),
).pipe(Schema.withDecodingDefaultKey(Effect.succeed(String(defaultLimit))));

const base64Url = Schema.String.check(
  Schema.isMaxLength(maxCursorLength),
  Schema.isPattern(/^[A-Za-z0-9_-]+$/, { expected: "a cursor of this list" }),
);

/** An opaque cursor over the position `schema`, such as `Schema.Struct({ at: Schema.Int, id: Schema.String })`. */
export const Cursor = <T, E, RD, RE>(schema: Schema.Codec<T, E, RD, RE>) =>
  base64Url.pipe(
    Schema.decodeTo(Schema.StringFromBase64Url),
    Schema.decodeTo(Schema.fromJsonString(Schema.toCodecJson(schema))),
  );

/** The query parameters of a list: `query: Page.Query(Position)`. */
export const Query = <T, E, RD, RE>(position: Schema.Codec<T, E, RD, RE>) => ({
  limit: Limit,
  cursor: Schema.optionalKey(Cursor(position)),
});

/** The success schema of a list: `success: Page.Of(Order, Position)`. */
export const Of = <Item extends Schema.Constraint, T, E, RD, RE>(item: Item, position: Schema.Codec<T, E, RD, RE>) =>
  Schema.Struct({ items: Schema.Array(item), nextCursor: Schema.NullOr(Cursor(position)) });

/** How many rows to ask the store for: one more than the page shows says whether there is a next one. */
export const fetchSize = (limit: number): number => limit + 1;

/** A page of at most `limit` of the `fetchSize(limit)` rows that were read. */
export const make = <Item, Position>(
  rows: ReadonlyArray<Item>,
  limit: number,
  position: (item: Item) => Position,
): { readonly items: ReadonlyArray<Item>; readonly nextCursor: Position | null } => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? position(last) : null };
};
