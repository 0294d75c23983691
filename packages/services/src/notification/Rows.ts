/** Routes, deliveries and sold orders as rows. */
import type { Machine } from "@destiny/sdk/machine";
import { Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import * as KindStore from "../shared/KindStore.ts";
import { Delivery, Route, Sold } from "./State.ts";

const tables = `
CREATE TABLE notification_route (
  id text PRIMARY KEY,
  version int NOT NULL,
  manager_id uuid,
  brand_name text,
  brand_version int NOT NULL,
  is_removed boolean NOT NULL,
  webhook text,
  is_active boolean NOT NULL,
  disabled_by text,
  not_before timestamptz NOT NULL,
  failures int NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX routes_of_manager ON notification_route (manager_id);

CREATE TABLE notification_delivery (
  id text PRIMARY KEY,
  version int NOT NULL,
  brand_id uuid,
  route text NOT NULL,
  kind text NOT NULL,
  text text NOT NULL,
  status text NOT NULL,
  attempts int NOT NULL,
  response_code int,
  response_message text,
  error_code text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX deliveries_pending ON notification_delivery (route, created_at, id) WHERE status = 'PENDING';

CREATE INDEX deliveries_newest ON notification_delivery (created_at DESC, id DESC);

CREATE INDEX deliveries_of_brand ON notification_delivery (brand_id, created_at DESC, id DESC);

CREATE TABLE notification_sold (
  order_id uuid PRIMARY KEY,
  version int NOT NULL,
  shares jsonb NOT NULL
);

INSERT INTO notification_route (id, version, brand_version, is_removed, is_active, not_before, failures)
VALUES ('admin', 1, 0, false, true, to_timestamp(0), 0);

`;

export const migrations: Migrations.Migrations = {
  room: "notification",
  steps: {
    "0001_notification": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
  },
};

interface RouteRow {
  readonly id: string;
  readonly version: number;
  readonly manager_id: string | null;
  readonly brand_name: string | null;
  readonly brand_version: number;
  readonly is_removed: boolean;
  readonly webhook: string | null;
  readonly is_active: boolean;
  readonly disabled_by: string | null;
  readonly not_before: Date;
  readonly failures: number;
}

export interface DeliveryRow {
  readonly id: string;
  readonly version: number;
  readonly brand_id: string | null;
  readonly route: string;
  readonly kind: string;
  readonly text: string;
  readonly status: string;
  readonly attempts: number;
  readonly response_code: number | null;
  readonly response_message: string | null;
  readonly error_code: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

interface SoldRow {
  readonly order_id: string;
  readonly version: number;
  readonly shares: unknown;
}

const decodeRoute = Schema.decodeUnknownSync(Route);
const decodeDelivery = Schema.decodeUnknownSync(Delivery);
const decodeSold = Schema.decodeUnknownSync(Sold);

export const routeOf = (row: RouteRow): Route =>
  decodeRoute({
    _tag: "Route",
    id: row.id,
    managerId: row.manager_id,
    brandName: row.brand_name,
    brandVersion: row.brand_version,
    isRemoved: row.is_removed,
    webhook: row.webhook,
    isActive: row.is_active,
    disabledBy: row.disabled_by,
    notBefore: row.not_before.getTime(),
    failures: row.failures,
  });

export const deliveryOf = (row: DeliveryRow): Delivery =>
  decodeDelivery({
    _tag: "Delivery",
    id: row.id,
    brandId: row.brand_id,
    route: row.route,
    kind: row.kind,
    text: row.text,
    status: row.status,
    attempts: row.attempts,
    responseCode: row.response_code,
    responseMessage: row.response_message,
    errorCode: row.error_code,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  });

export const routeTable = {
  name: "notification_route",
  key: ["id"],
  columns: {
    id: "text",
    version: "int4",
    manager_id: "uuid",
    brand_name: "text",
    brand_version: "int4",
    is_removed: "bool",
    webhook: "text",
    is_active: "bool",
    disabled_by: "text",
    not_before: "timestamptz",
    failures: "int4",
  },
} as const;

export const routeRow = ({ state, version }: Machine.Versioned<Route>) => ({
  id: state.id,
  version,
  manager_id: state.managerId,
  brand_name: state.brandName,
  brand_version: state.brandVersion,
  is_removed: state.isRemoved,
  webhook: state.webhook,
  is_active: state.isActive,
  disabled_by: state.disabledBy,
  not_before: state.notBefore,
  failures: state.failures,
});

const deliveryTable = {
  name: "notification_delivery",
  key: ["id"],
  columns: {
    id: "text",
    version: "int4",
    brand_id: "uuid",
    route: "text",
    kind: "text",
    text: "text",
    status: "text",
    attempts: "int4",
    response_code: "int4",
    response_message: "text",
    error_code: "text",
    created_at: "timestamptz",
    updated_at: "timestamptz",
  },
} as const;

const soldTable = {
  name: "notification_sold",
  key: ["order_id"],
  columns: { order_id: "uuid", version: "int4", shares: "jsonb" },
} as const;

export const kinds = [
  KindStore.kind({
    prefix: "route",
    tag: "Route",
    table: routeTable,
    stateOf: routeOf,
    rowOf: routeRow,
  }),
  KindStore.kind({
    prefix: "delivery",
    tag: "Delivery",
    table: deliveryTable,
    stateOf: deliveryOf,
    rowOf: ({ state, version }) => ({
      id: state.id,
      version,
      brand_id: state.brandId,
      route: state.route,
      kind: state.kind,
      text: state.text,
      status: state.status,
      attempts: state.attempts,
      response_code: state.responseCode,
      response_message: state.responseMessage,
      error_code: state.errorCode,
      created_at: state.createdAt,
      updated_at: state.updatedAt,
    }),
  }),
  KindStore.kind({
    prefix: "sold",
    tag: "Sold",
    table: soldTable,
    stateOf: (row: SoldRow) => decodeSold({ _tag: "Sold", orderId: row.order_id, shares: row.shares }),
    rowOf: ({ state, version }) => ({ order_id: state.orderId, version, shares: state.shares }),
  }),
];
