/** `destiny seed`: fills a running instance through each service's own store, in bulk. Repeating it changes nothing. */
import { BrandId, CouponTemplateId, defaultValidDays, ProductId, UserId, Won } from "@destiny/services/contracts";
import * as Coupon from "@destiny/services/coupon/seed";
import * as Product from "@destiny/services/product/seed";
import * as Stock from "@destiny/services/stock/seed";
import * as User from "@destiny/services/user/seed";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type * as SqlClient from "effect/sql/SqlClient";
import { CliError } from "../CliError.ts";
import * as Catalogue from "../seed/Catalogue.ts";

/** Rows of one statement. */
const batchRows = 2000;

export interface SeedResult {
  readonly instance: string;
  readonly scale: Catalogue.Scale;
  readonly seed: number;
  readonly brands: number;
  readonly products: number;
  readonly users: number;
  readonly password: string;
}

const batches = <A>(rows: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(rows.length / batchRows) }, (_, index) =>
    rows.slice(index * batchRows, (index + 1) * batchRows),
  );

const templateOf = (drop: Catalogue.SeededDrop): Coupon.InitialTemplate => ({
  id: CouponTemplateId.make(drop.templateId),
  code: drop.code,
  name: drop.name,
  discountType: "RATE",
  discountValue: Won.make(drop.discountPercent),
  minOrderAmount: Won.make(0),
  maxDiscountAmount: Won.make(drop.maxDiscount),
  issueLimit: drop.limit,
  availableFrom: drop.opensAt,
  availableTo: drop.endsAt,
  validDays: defaultValidDays,
  createdAt: drop.opensAt,
});

export const seed = Effect.fnUntraced(function* (options: {
  readonly instance: string;
  /** Server, ending with a slash. */
  readonly databaseUrl: string;
  readonly scale: Catalogue.Scale;
  readonly seed: number;
  /** The articles that everybody wants, and their stock. */
  readonly hot?: Catalogue.Hot | undefined;
  readonly progress: (line: string) => void;
}): Effect.fn.Return<SeedResult, CliError> {
  const catalogue = Catalogue.make(options.scale, options.seed, options.hot);
  const fill = <A, E>(
    service: string,
    rows: ReadonlyArray<A>,
    insert: (batch: ReadonlyArray<A>) => Effect.Effect<void, E, SqlClient.SqlClient>,
  ) =>
    Effect.gen(function* () {
      let done = 0;
      const tenths = (count: number): number => Math.floor((10 * count) / rows.length);
      for (const batch of batches(rows)) {
        yield* insert(batch);
        const before = tenths(done);
        done += batch.length;
        if (rows.length > batchRows && tenths(done) > before) options.progress(`${service}: ${tenths(done)}0 %`);
      }
    }).pipe(
      Effect.provide(
        PgClient.layer({ url: Redacted.make(`${options.databaseUrl}destiny_${service}`), maxConnections: 1 }),
      ),
      Effect.mapError(
        (cause) =>
          new CliError({
            exit: "unhealthy",
            code: "SEED_FAILED",
            message: `the database of ${service} did not take the rows`,
            next: [`destiny status --instance ${options.instance}`, `destiny logs ${service}`],
            cause,
          }),
      ),
    );

  const passwordHash = yield* User.hashCheaply(Redacted.make(Catalogue.password));
  yield* fill(
    "user",
    catalogue.users.map((user) => ({ ...user, id: UserId.make(user.id), role: "CUSTOMER" as const, passwordHash })),
    User.seed,
  );
  yield* fill(
    "product",
    catalogue.products.map(({ stock: _, ...product }) => ({
      ...product,
      id: ProductId.make(product.id),
      brandId: BrandId.make(product.brandId),
      price: Won.make(product.price),
      status: "AVAILABLE" as const,
      stockVersion: 0,
    })),
    Product.seed,
  );
  yield* fill(
    "stock",
    catalogue.products.map(({ id, stock }) => ({ sku: id, quantity: stock })),
    Stock.seed,
  );
  yield* fill("coupon", [catalogue.drop].map(templateOf), Coupon.seed);
  const { brands, products, users } = Catalogue.scales[options.scale];
  return {
    instance: options.instance,
    scale: options.scale,
    seed: options.seed,
    brands,
    products,
    users,
    password: Catalogue.password,
  };
});
