/** The machine's states in PostgreSQL, and what is read outside of any group. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { BrandId, NotificationKind, NotificationStatus, UserId } from "../contracts/index.ts";
import * as KindStore from "../shared/KindStore.ts";
import { deliveryOf, type DeliveryRow, kinds, routeOf } from "./Rows.ts";
import type { Answer, Key, NotificationInput, Rejection, State } from "./State.ts";

export { migrations } from "./Rows.ts";

export const make = (sql: SqlClient) => KindStore.make<Key, State, NotificationInput, Answer, Rejection>(sql, kinds);

/** What waits on a route that may be used now. */
export interface Due {
  readonly route: string;
  /** The path of its webhook; the shop's own is no business of the database. */
  readonly webhook: string | null;
  readonly deliveries: ReadonlyArray<{ readonly id: string; readonly kind: NotificationKind; readonly text: string }>;
}

interface DueRow {
  readonly route: string;
  readonly webhook: string | null;
  readonly id: string;
  readonly kind: NotificationKind;
  readonly text: string;
}

export interface LogFilter {
  /** Undefined: everybody's. */
  readonly managerId: UserId | undefined;
  readonly brandId?: BrandId | undefined;
  readonly status?: NotificationStatus | undefined;
}

export const read = (sql: SqlClient) => ({
  route: (id: string) =>
    Effect.map(
      sql<Parameters<typeof routeOf>[0]>`SELECT * FROM notification_route WHERE id = ${id}`,
      (rows) => rows.map(routeOf)[0],
    ),

  /** The oldest `maxDeliveries` of each of at most `maxRoutes` routes, those that waited longest first. */
  due: (now: number, maxRoutes: number, maxDeliveries: number) =>
    Effect.map(
      sql<DueRow>`
        SELECT r.id AS route, r.webhook, d.id, d.kind, d.text
        FROM (
          SELECT r.id, r.webhook, first.created_at FROM notification_route r
          CROSS JOIN LATERAL (
            SELECT created_at FROM notification_delivery WHERE route = r.id AND status = 'PENDING'
            ORDER BY created_at, id LIMIT 1) first
          WHERE r.not_before <= ${new Date(now)} ORDER BY first.created_at LIMIT ${maxRoutes}) r
        CROSS JOIN LATERAL (
          SELECT id, kind, text, created_at FROM notification_delivery WHERE route = r.id AND status = 'PENDING'
          ORDER BY created_at, id LIMIT ${maxDeliveries}) d
        ORDER BY r.created_at, r.id, d.created_at, d.id`,
      (rows): ReadonlyArray<Due> =>
        [...Map.groupBy(rows, ({ route }) => route)].map(([route, own]) => ({
          route,
          webhook: own[0]?.webhook ?? null,
          deliveries: own,
        })),
    ),

  /** Newest first. */
  logs: (filter: LogFilter, after: { readonly at: number; readonly id: string } | undefined, limit: number) => {
    const { brandId, managerId, status } = filter;
    return Effect.map(
      sql<DeliveryRow>`SELECT * FROM notification_delivery
        WHERE ${brandId === undefined ? sql`true` : sql`brand_id = ${brandId}::uuid`}
          AND ${managerId === undefined ? sql`true` : sql`brand_id::text IN (SELECT id FROM notification_route WHERE manager_id = ${managerId}::uuid)`}
          AND ${status === undefined ? sql`true` : sql`status = ${status}`}
          AND ${after === undefined ? sql`true` : sql`(created_at, id) < (${new Date(after.at)}, ${after.id})`}
        ORDER BY created_at DESC, id DESC LIMIT ${limit}`,
      (rows) => rows.map(deliveryOf),
    );
  },
});
