/**
 * `node main.ts <service> [<service> …]`: one process hosts one service, some, or all.
 *
 * The process drains and ends on SIGTERM, on SIGINT, and on the end of its lifeline (see the SDK's `Lifeline`).
 */
import type { EventBus } from "@destiny/sdk/bus";
import { Lifeline, Service, Telemetry } from "@destiny/sdk/service";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { type ServiceName, services } from "./catalogue.ts";
import * as Foundation from "./shared/Foundation.ts";
import * as Settings from "./shared/Settings.ts";

interface Room {
  readonly layer: (port: number) => Layer.Layer<never, unknown, EventBus.EventBus>;
}

/** Loaded on demand: a process pays for the services that it hosts. */
const rooms = {
  user: () => import("./user/layer.ts"),
  product: () => import("./product/layer.ts"),
  stock: () => import("./stock/layer.ts"),
  order: () => import("./order/layer.ts"),
  brand: () => import("./brand/layer.ts"),
  payment: () => import("./payment/layer.ts"),
  notification: () => import("./notification/layer.ts"),
  coupon: () => import("./coupon/layer.ts"),
  gateway: () => import("./gateway/layer.ts"),
  saga: () => import("./saga/layer.ts"),
} as const satisfies Partial<Record<ServiceName, () => Promise<Room>>>;

const isService = (name: string): name is keyof typeof rooms => Object.hasOwn(rooms, name);

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = names.filter((name) => !isService(name));
if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(
    `${unknown.length > 0 ? `unknown service: ${unknown.join(", ")}` : "no service named"}\n` +
      `usage: node main.ts <service> [<service> …]\nservices: ${services.map(({ name }) => name).join(", ")}\n`,
  );
  process.exit(2);
}

/**
 * Fresh, because layers are remembered by identity: services that share a process would otherwise share the first one's
 * inbox, outbox and relay, and write into its database.
 */
const host = (name: keyof typeof rooms) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const port = Settings.entryOf(name).port + (yield* Settings.portOffset);
      const room = yield* Effect.promise((): Promise<Room> => rooms[name]());
      return Layer.fresh(room.layer(port));
    }),
  );

const hosted = Layer.mergeAll(Layer.empty, ...names.filter(isService).map(host));

/** A gateway alone asks for no bus, so it opens no connection to one. */
const connected: Layer.Layer<never, unknown> = names.every((name) => name === "gateway")
  ? (hosted as Layer.Layer<never, unknown>)
  : hosted.pipe(Layer.provide(Foundation.bus));

Service.run(connected, {
  telemetry: Telemetry.layer({ service: names.join("+") }),
  stdin: process.env[Lifeline.variable] === "stdin",
});
