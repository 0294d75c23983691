/** A real shop of its own: every service, PostgreSQL and the simulators, seeded; and one of its customers. */
import { setTimeout } from "node:timers/promises";
import { Ids } from "@destiny/sdk/message";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { instancePaths } from "../../src/instance/Home.ts";
import * as Catalogue from "../../src/seed/Catalogue.ts";
import { removeEmbedded } from "../../src/supervisor/EmbeddedPostgres.ts";
import * as Supervisor from "../../src/supervisor/Supervisor.ts";
import { simulatorUrl } from "../../src/supervisor/Topology.ts";
import { destiny } from "../fixtures/command.ts";
import { temporaryHome } from "../fixtures/tools.ts";

/** Not `default`: its ports are those of a shop that a developer may have running. */
const name = "stuck-test";

const maxWaitMillis = 20_000;
const pollMillis = 50;

type Body = Readonly<Record<string, unknown>>;

const call = async (method: string, url: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const answer = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status} ${text}`);
  return (text === "" ? {} : JSON.parse(text)) as Body;
};

/** Orders go to Toss, and nowhere else. */
const open = Effect.gen(function* () {
  const home = yield* temporaryHome;
  // Run by root the data lies elsewhere, so it does not go with the folder.
  yield* Effect.addFinalizer(() => Effect.orDie(removeEmbedded(instancePaths(name, home).postgres)));
  const { databaseUrl, gatewayUrl, instance } = yield* Supervisor.start({
    home,
    instance: name,
    single: true,
    settings: { DESTINY_PAYMENT_WEIGHTS: "toss=1,portone=0,bootpay=0" },
  });
  const run = (...args: ReadonlyArray<string>) => destiny([...args, "--instance", name], home);
  const json = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
    const { code, stdout } = yield* run(...args, "--json");
    return { code, body: JSON.parse(stdout) };
  });
  yield* run("seed");

  const toss = simulatorUrl(instance, "toss");
  const { products, users } = Catalogue.make("S", 42);
  const customer = Effect.promise(async () => {
    const credentials = { username: users[0]?.username, password: Catalogue.password };
    const { accessToken } = await call("POST", `${gatewayUrl}/v1/auths/login`, credentials);
    const headers = { authorization: `Bearer ${String(accessToken)}` };
    const ask = (method: string, path: string, body?: unknown) =>
      call(method, `${gatewayUrl}${path}`, body, { ...headers, "idempotency-key": crypto.randomUUID() });
    const until = async (orderId: string, wanted: string): Promise<void> => {
      let status: unknown;
      for (let waited = 0; waited < maxWaitMillis; waited += pollMillis) {
        ({ status } = await ask("GET", `/v1/orders/${orderId}`));
        if (status === wanted) return;
        await setTimeout(pollMillis);
      }
      throw new Error(`order ${orderId} is ${String(status)}, not ${wanted}`);
    };
    const buy = async (): Promise<string> => {
      const order = await ask("POST", "/v1/orders", {
        items: [{ productId: products[0]?.id, quantity: 1 }],
        recipientName: "Shopper",
        recipientPhone: "010-1234-5678",
        zipcode: "04524",
        address1: "110 Sejong-daero, Jung-gu, Seoul",
      });
      const orderId = String(order["id"]);
      await until(orderId, "WAITING_PAYMENT");
      const { amount, provider, vendorOrderId } = await ask("GET", `/v1/payments/${orderId}`);
      const { paymentKey } = await call("POST", `${toss}/__sim/payments`, { orderId: vendorOrderId, amount });
      await ask("POST", "/v1/payments/confirm", { orderId, provider, paymentKey, amount });
      await until(orderId, "COMPLETED");
      return orderId;
    };
    const cancel = (orderId: string) => ask("PATCH", `/v1/orders/${orderId}/cancel`, { message: "changed my mind" });
    return { buy, cancel, until };
  });
  /** From now on Toss gives nothing back, and says so. */
  const refuseRefunds = Effect.promise(() =>
    call("PUT", `${toss}/__sim/faults`, {
      rules: [{ kind: "error", code: "NOT_CANCELABLE_PAYMENT", operations: ["cancel"] }],
    }),
  );
  const connected = (database: string) =>
    PgClient.layer({ url: Redacted.make(`${databaseUrl}${database}`), maxConnections: 1 });
  /** A command to stock that nobody can read, under an order's key; answers its id. */
  const poison = Effect.fnUntraced(
    function* (orderId: string) {
      const sql = yield* SqlClient.SqlClient;
      const id = yield* Ids.fresh;
      yield* sql.withTransaction(sql`
        WITH model AS (
          SELECT message.* FROM bus_message message JOIN bus_topic topic ON topic.id = message.topic_id
          WHERE topic.name = 'stock.commands' AND message.key = ${orderId} LIMIT 1
        ), place AS (
          UPDATE bus_partition at SET next_offset = next_offset + 1 FROM model
          WHERE at.topic_id = model.topic_id AND at.partition = model.partition RETURNING next_offset - 1 AS "offset"
        )
        INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
        SELECT topic_id, partition, place."offset", key,
          jsonb_set(headers::jsonb - 'ce_sequence', '{ce_id}', to_jsonb(${id}::text))::text, '{"lines":"none"}'
        FROM model, place`);
      return id;
    },
    Effect.provide(connected("destiny_bus")),
  );
  /** What was done about stock's dead letters of a key, and by whom. */
  const trail = Effect.fnUntraced(
    function* (key: string) {
      const sql = yield* SqlClient.SqlClient;
      return yield* sql`SELECT action, actor FROM dead_letter_action WHERE key = ${key} ORDER BY position`;
    },
    Effect.provide(connected("destiny_stock")),
  );
  return { run, json, customer: yield* customer, refuseRefunds, poison, trail };
});

export class Shop extends Context.Service<Shop, Effect.Success<typeof open>>()("@destiny/cli/test/Shop") {}

export const layer = Layer.effect(Shop, open);
