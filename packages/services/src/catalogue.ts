/**
 * The shop's address book: which services exist, where each listens, which database it owns and how many connections
 * it may open.
 *
 * Guarantee: plain data without imports, so that a launcher reads it without loading a service. All ports are those of
 * an instance with offset 0; every process adds the instance's offset.
 */

export interface CatalogueService {
  readonly name: string;
  /** TCP port on 127.0.0.1 of an instance with offset 0. */
  readonly port: number;
  /** The database that only this service reads and writes. The gateway has none. */
  readonly database?: `destiny_${string}`;
  /** Upper bound of connections to its own database. */
  readonly poolSize: number;
}

/** In start order; the gateway comes last because it is worth nothing before the others. */
export const services = [
  { name: "user", port: 18080, database: "destiny_user", poolSize: 4 },
  { name: "product", port: 18090, database: "destiny_product", poolSize: 6 },
  { name: "stock", port: 18100, database: "destiny_stock", poolSize: 6 },
  { name: "order", port: 18110, database: "destiny_order", poolSize: 6 },
  { name: "brand", port: 18120, database: "destiny_brand", poolSize: 4 },
  { name: "payment", port: 18130, database: "destiny_payment", poolSize: 6 },
  { name: "notification", port: 18140, database: "destiny_notification", poolSize: 4 },
  { name: "coupon", port: 18150, database: "destiny_coupon", poolSize: 6 },
  { name: "saga", port: 8000, database: "destiny_saga", poolSize: 6 },
  { name: "gateway", port: 8080, poolSize: 0 },
] as const satisfies ReadonlyArray<CatalogueService>;

export type ServiceName = (typeof services)[number]["name"];

/** Who signs and who is meant by a token of this shop. */
export const tokenNames = { issuer: "destiny", audience: "destiny-shop" } as const;

/** The one database that all services share: messages between them. */
export const busDatabase = "destiny_bus";

/** Upper bound of connections of one process to the bus, its LISTEN connection included. */
export const busPoolSize = 4;

/** Gateways that the shop charges, and Slack, played by one process. */
export const simulators = [
  { name: "toss", port: 18201 },
  { name: "portone", port: 18202 },
  { name: "bootpay", port: 18203 },
  { name: "slack", port: 18204 },
] as const satisfies ReadonlyArray<{ readonly name: string; readonly port: number }>;
