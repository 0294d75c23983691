/** `destiny seed`: fills a running instance through each service's own store, in bulk. Repeating it changes nothing. */
import * as Brand from "@destiny/services/brand/seed";
import {
  BrandId,
  CouponTemplateId,
  defaultValidDays,
  type Product as Listed,
  ProductId,
  UserId,
  Won,
} from "@destiny/services/contracts";
import * as Coupon from "@destiny/services/coupon/seed";
import * as Notification from "@destiny/services/notification/seed";
import * as Product from "@destiny/services/product/seed";
import * as Stock from "@destiny/services/stock/seed";
import * as User from "@destiny/services/user/seed";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type * as SqlClient from "effect/sql/SqlClient";
import { CliError } from "../CliError.ts";
import * as Catalogue from "../seed/Catalogue.ts";
import type { SeedProgress } from "./SeedBars.ts";

/** Rows of one statement. */
const batchRows = 2000;

export interface SeedResult {
  readonly instance: string;
  readonly scale: Catalogue.Scale;
  readonly seed: number;
  readonly brands: number;
  readonly partners: number;
  readonly products: number;
  readonly users: number;
  readonly password: string;
}

/** Where rows of one kind go: every service that has to know of them has them in its own database. */
interface Into<Row> {
  readonly service: string;
  readonly insert: (rows: ReadonlyArray<Row>) => Effect.Effect<void, unknown, SqlClient.SqlClient>;
}

const userOf =
  (role: User.NewUser["role"], passwordHash: string) =>
  (user: Catalogue.SeededUser): User.NewUser => ({ ...user, id: UserId.make(user.id), role, passwordHash });

const brandOf = ({ id, managerId, name: brandName }: Catalogue.SeededBrand): Brand.InitialBrand => ({
  brandId: BrandId.make(id),
  managerId: UserId.make(managerId),
  brandName,
  version: 1,
  createdAt: Catalogue.epochMillis,
});

const productOf = ({ stock: _, ...product }: Catalogue.SeededProduct): Listed => ({
  ...product,
  id: ProductId.make(product.id),
  brandId: BrandId.make(product.brandId),
  price: Won.make(product.price),
  status: "AVAILABLE",
});

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
  readonly onProgress: (progress: SeedProgress) => void;
}): Effect.fn.Return<SeedResult, CliError> {
  const catalogue = Catalogue.make(options.scale, options.seed, options.hot);

  const put = <Row>({ insert, service }: Into<Row>, rows: ReadonlyArray<Row>): Effect.Effect<void, CliError> =>
    insert(rows).pipe(
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

  const fill = Effect.fnUntraced(function* <Row>(
    kind: string,
    rows: ReadonlyArray<Row>,
    ...into: ReadonlyArray<Into<Row>>
  ) {
    const total = rows.length;
    for (let done = 0; done < total; done += batchRows) {
      options.onProgress({ kind, done, total });
      const batch = rows.slice(done, done + batchRows);
      for (const one of into) yield* put(one, batch);
    }
    options.onProgress({ kind, done: total, total });
  });

  const passwordHash = yield* User.hashCheaply(Redacted.make(Catalogue.password));
  const users = (role: User.NewUser["role"]): Into<Catalogue.SeededUser> => ({
    service: "user",
    insert: (rows) => User.seed(rows.map(userOf(role, passwordHash))),
  });
  yield* fill("partners", catalogue.partners, users("PARTNER"));
  yield* fill(
    "brands",
    catalogue.brands.map(brandOf),
    { service: "brand", insert: Brand.seed },
    { service: "product", insert: Product.seedBrands },
    { service: "notification", insert: Notification.seed },
  );
  yield* fill(
    "products",
    catalogue.products,
    { service: "product", insert: (rows) => Product.seed(rows.map(productOf)) },
    { service: "stock", insert: (rows) => Stock.seed(rows.map(({ id, stock }) => ({ sku: id, quantity: stock }))) },
  );
  yield* fill("coupons", [templateOf(catalogue.drop)], { service: "coupon", insert: Coupon.seed });
  yield* fill("shoppers", catalogue.users, users("CUSTOMER"));
  return {
    instance: options.instance,
    scale: options.scale,
    seed: options.seed,
    brands: catalogue.brands.length,
    partners: catalogue.partners.length,
    products: catalogue.products.length,
    users: catalogue.users.length,
    password: Catalogue.password,
  };
});
