/**
 * What anybody may read of the catalogue, without a statement for every look.
 *
 * Guarantee: a product or a page is as it was committed at most `maxAgeMillis` before it was asked for, or while it was being
 * read. What this process has committed is in every look that begins after it was answered: its own change drops the product
 * and all pages, also what is being read just then. A change by another copy of the service is seen within that age, and
 * that includes hiding a product. Looks at the same thing at once share one read. A failure is not kept, nor is absence:
 * invented ids push nothing out.
 *
 * Nothing here depends on who asks. What does (managing, ordering) is decided by the machine on its own states, never on this.
 *
 * Limits: `maxProducts`, `maxPages`, `maxVersions`; the longest unused goes first.
 *
 * Rejected: dropping only the pages that show the product: a change may also bring it onto a page. Products change with
 * sell-outs and by hand, looks come by the hundred, so all pages it is.
 */
import type { Machine } from "@destiny/sdk/machine";
import * as Cache from "effect/Cache";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as MutableHashMap from "effect/MutableHashMap";
import type { SqlError } from "effect/sql/SqlError";
import type { ProductFilter, ProductId } from "../contracts/index.ts";
import type { Key, Listed, State } from "./State.ts";

export const maxAgeMillis = 500;
export const maxProducts = 10_000;
export const maxPages = 500;
/** How many products this process knows the version of. One that it does not know counts as changed when it is told of. */
export const maxVersions = 10_000;

export interface Reads {
  readonly byId: (id: ProductId) => Effect.Effect<Listed | undefined, SqlError>;
  readonly page: (
    filter: ProductFilter,
    after: ProductId | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Listed>, SqlError>;
}

export interface ShopWindow extends Reads {
  /** What stands there after a commit of this process. */
  readonly committed: (states: ReadonlyMap<Key, Machine.Versioned<State>>) => void;
}

interface Asked {
  readonly filter: ProductFilter;
  readonly after: ProductId | undefined;
  readonly limit: number;
}

/** Answers of a read that are not older than `maxAgeMillis`, counted from when the read began. */
const recent = Effect.fnUntraced(function* <Question, Answer>(
  capacity: number,
  read: (question: Question) => Effect.Effect<Answer, SqlError>,
) {
  const clock = yield* Clock.Clock;
  const cache = yield* Cache.makeWith(
    (question: Question) =>
      Effect.suspend(() => {
        const readAt = clock.currentTimeMillisUnsafe();
        return Effect.map(read(question), (answer) => ({ answer, readAt }));
      }),
    {
      capacity,
      timeToLive: (exit) =>
        Exit.isSuccess(exit) && exit.value.answer !== undefined
          ? Math.max(0, exit.value.readAt + maxAgeMillis - clock.currentTimeMillisUnsafe())
          : 0,
    },
  );
  return {
    get: (question: Question) => Effect.map(Cache.get(cache, question), ({ answer }) => answer),
    // On the map itself: a commit tells of itself without an Effect.
    drop: (question: Question) => void MutableHashMap.remove(cache.map, question),
    clear: () => void MutableHashMap.clear(cache.map),
  };
});

export const make = Effect.fnUntraced(function* (reads: Reads): Effect.fn.Return<ShopWindow> {
  const products = yield* recent(maxProducts, reads.byId);
  const pages = yield* recent(maxPages, ({ after, filter, limit }: Asked) => reads.page(filter, after, limit));
  // As commits tell them, not as reads do: a read may see a commit that has not been told of yet.
  const versions = new Map<ProductId, number>();

  /** Orders read products all the time and change none: only a version that was not there before is a change. */
  const isNews = (id: ProductId, version: number): boolean => {
    const known = versions.get(id) ?? 0;
    versions.delete(id);
    versions.set(id, Math.max(known, version));
    for (const oldest of versions.keys()) {
      if (versions.size <= maxVersions) break;
      versions.delete(oldest);
    }
    return version > known;
  };

  return {
    byId: products.get,
    page: (filter, after, limit) => pages.get({ filter, after, limit }),
    committed: (states) => {
      for (const { state, version } of states.values()) {
        if (state._tag !== "Product" || !isNews(state.id, version)) continue;
        products.drop(state.id);
        pages.clear();
      }
    },
  };
});
