/** Products, their names and the owners of their brands as rows. */
import type { Machine } from "@destiny/sdk/machine";
import { Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import * as KindStore from "../shared/KindStore.ts";
import { Listed, Name, Owner } from "./State.ts";

const tables = `
CREATE TABLE product (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  brand_id uuid NOT NULL,
  name text NOT NULL,
  price bigint NOT NULL CHECK (price >= 0),
  status text NOT NULL,
  color text,
  size text,
  stock_version int NOT NULL DEFAULT 0,
  UNIQUE (brand_id, name)
);

`;

/** Names are rows of their own, so that one that is free again can be told from one that is taken, under its own lock. */
const management = `
ALTER TABLE product ADD COLUMN is_sold_out boolean NOT NULL DEFAULT false,
  ADD COLUMN is_removed boolean NOT NULL DEFAULT false, DROP CONSTRAINT product_brand_id_name_key;

UPDATE product SET is_sold_out = true WHERE status = 'OUT_OF_STOCK';

CREATE TABLE product_name (
  id text PRIMARY KEY,
  version int NOT NULL,
  product_id uuid
);

INSERT INTO product_name (id, version, product_id) SELECT brand_id || '/' || name, 1, id FROM product;

CREATE TABLE product_brand (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  manager_id uuid NOT NULL,
  is_removed boolean NOT NULL,
  told int NOT NULL
);

`;

const filters = `CREATE INDEX product_of_brand ON product (brand_id, id)`;

/** Each ends in the id: products of one value are then read in the order of their page, from where it begins. */
const traits = `
CREATE INDEX product_of_color ON product (color, id);

CREATE INDEX product_of_size ON product (size, id);

CREATE INDEX product_of_price ON product (price, id)`;

export const migrations: Migrations.Migrations = {
  room: "product",
  steps: {
    "0001_product": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
    "0002_management": Effect.gen(function* () {
      yield* Migrations.statements(management)(yield* SqlClient.SqlClient);
    }),
    "0003_filters": Effect.gen(function* () {
      yield* Migrations.statements(filters)(yield* SqlClient.SqlClient);
    }),
    "0004_traits": Effect.gen(function* () {
      yield* Migrations.statements(traits)(yield* SqlClient.SqlClient);
    }),
  },
};

export interface ProductRow {
  readonly id: string;
  readonly version: number;
  readonly brand_id: string;
  readonly name: string;
  readonly price: bigint;
  readonly status: string;
  readonly color: string | null;
  readonly size: string | null;
  readonly stock_version: number;
  readonly is_sold_out: boolean;
  readonly is_removed: boolean;
}

interface NameRow {
  readonly id: string;
  readonly version: number;
  readonly product_id: string | null;
}

interface OwnerRow {
  readonly id: string;
  readonly version: number;
  readonly manager_id: string;
  readonly is_removed: boolean;
  readonly told: number;
}

const decodeProduct = Schema.decodeUnknownSync(Listed);
const decodeName = Schema.decodeUnknownSync(Name);
const decodeOwner = Schema.decodeUnknownSync(Owner);

export const productOf = (row: ProductRow): Listed =>
  decodeProduct({
    _tag: "Product",
    id: row.id,
    brandId: row.brand_id,
    name: row.name,
    price: Number(row.price),
    status: row.status,
    color: row.color,
    size: row.size,
    stockVersion: row.stock_version,
    isSoldOut: row.is_sold_out,
    isRemoved: row.is_removed,
  });

export const productTable = {
  name: "product",
  key: ["id"],
  columns: {
    id: "uuid",
    version: "int4",
    brand_id: "uuid",
    name: "text",
    price: "int8",
    status: "text",
    color: "text",
    size: "text",
    stock_version: "int4",
    is_sold_out: "bool",
    is_removed: "bool",
  },
} as const;

const nameTable = {
  name: "product_name",
  key: ["id"],
  columns: { id: "text", version: "int4", product_id: "uuid" },
} as const;

export const brandTable = {
  name: "product_brand",
  key: ["id"],
  columns: { id: "uuid", version: "int4", manager_id: "uuid", is_removed: "bool", told: "int4" },
} as const;

export const productRow = ({ state, version }: Machine.Versioned<Listed>) => ({
  id: state.id,
  version,
  brand_id: state.brandId,
  name: state.name,
  price: state.price,
  status: state.status,
  color: state.color,
  size: state.size,
  stock_version: state.stockVersion,
  is_sold_out: state.isSoldOut,
  is_removed: state.isRemoved,
});

export const brandRow = ({ state, version }: Machine.Versioned<Owner>) => ({
  id: state.brandId,
  version,
  manager_id: state.managerId,
  is_removed: state.isRemoved,
  told: state.told,
});

export const kinds = [
  KindStore.kind({
    prefix: "product",
    tag: "Product",
    table: productTable,
    stateOf: productOf,
    rowOf: productRow,
  }),
  KindStore.kind({
    prefix: "brand",
    tag: "Owner",
    table: brandTable,
    stateOf: (row: OwnerRow) =>
      decodeOwner({
        _tag: "Owner",
        brandId: row.id,
        managerId: row.manager_id,
        isRemoved: row.is_removed,
        told: row.told,
      }),
    rowOf: brandRow,
  }),
  KindStore.kind({
    prefix: "name",
    tag: "Name",
    table: nameTable,
    stateOf: (row: NameRow) => decodeName({ _tag: "Name", id: row.id, productId: row.product_id }),
    rowOf: ({ state, version }) => ({ id: state.id, version, product_id: state.productId }),
  }),
];
