import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as Fs from "node:fs";
import * as Os from "node:os";
import * as Path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as Captures from "../../src/simulators/Captures.ts";
import { basic, makeClient } from "./TossHarness.ts";

const main = fileURLToPath(new URL("../../src/simulators/main.ts", import.meta.url));

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "destiny-simulators-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true })),
);

const kill = (child: ChildProcess, signal: NodeJS.Signals) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  });

const vendors = ["toss", "portone", "bootpay"] as const;

const start = (path: string, environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          [
            "--conditions=@destiny/source",
            main,
            ...vendors.flatMap((vendor) => [`--${vendor}-port`, "0"]),
            "--directory",
            path,
            "--destiny-instance=test",
          ],
          { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment, DESTINY_LIFELINE: "stdin" } },
        ),
      ),
      (child) => kill(child, "SIGKILL"),
    );
    const [line] = yield* Effect.promise(() => once(createInterface({ input: child.stdout }), "line"));
    const ready = JSON.parse(String(line)) as {
      readonly ready: boolean;
      readonly instance: string;
      readonly pid: number;
      readonly simulators: Readonly<Record<(typeof vendors)[number], { readonly url: string }>>;
    };
    return { child, ready, ...makeClient(ready.simulators.toss.url) };
  });

describe("the simulators' process", () => {
  it.live("after kill -9 the same directory gives the same captures, payments and bound answers", () =>
    Effect.gen(function* () {
      const path = yield* directory;
      const before = yield* start(path);
      assert.deepStrictEqual([before.ready.ready, before.ready.instance], [true, "test"]);
      assert.strictEqual(before.ready.pid, before.child.pid);
      assert.strictEqual((yield* before.call("GET", "/healthz")).body.status, "UP");
      const payments = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        (index) => before.open({ orderId: `order-${index + 1_000}`, amount: 1_000 + index }),
      );
      const answers = yield* Effect.forEach(
        payments.slice(0, 15),
        (payment) => before.confirm(payment, { key: `confirm:${payment.orderId}` }),
        { concurrency: 5 },
      );
      for (const payment of payments.slice(0, 5)) {
        yield* before.cancel(payment.paymentKey, { cancelReason: "x", cancelAmount: 500 }, { key: payment.orderId });
      }
      const wrong = yield* before.confirm({ ...payments[17]!, amount: 1 }, { key: "wrong" });
      yield* before.faults({ kind: "approveThenHang", operations: ["confirm"] });
      const lost = payments[15]!;
      yield* Effect.flip(before.confirm(lost, { key: "lost", timeoutMillis: 200 }));
      const captures = (yield* before.call("GET", "/__sim/captures")).body.items;
      assert.lengthOf(captures, 21);
      const listed = (yield* before.call("GET", "/__sim/payments")).text;
      yield* kill(before.child, "SIGKILL");

      Fs.appendFileSync(Path.join(path, "toss.ndjson"), '{"capture":{"sequence":22,"gate');
      assert.deepEqual(yield* Captures.read(Path.join(path, "toss.ndjson")), captures);

      const after = yield* start(path);
      assert.deepStrictEqual((yield* after.call("GET", "/__sim/captures")).body.items, captures);
      assert.strictEqual((yield* after.call("GET", "/__sim/payments")).text, listed);
      for (const [index, payment] of payments.slice(0, 15).entries()) {
        const again = yield* after.confirm(payment, { key: `confirm:${payment.orderId}` });
        assert.strictEqual(again.text, answers[index]?.text);
      }
      assert.strictEqual((yield* after.confirm(payments[17]!, { key: "wrong" })).text, wrong.text);
      assert.strictEqual((yield* after.confirm(lost, { key: "lost" })).body.status, "DONE");
      const open = payments[16]!;
      assert.strictEqual((yield* after.confirm(open)).status, 200);
      const now = (yield* after.call("GET", "/__sim/captures")).body.items;
      assert.deepStrictEqual([now.length, now.at(-1).sequence], [22, 22]);
      // What was appended after the restart is not glued to the line that the crash tore.
      assert.deepEqual(yield* Captures.read(Path.join(path, "toss.ndjson")), now);
    }).pipe(Effect.scoped),
  );

  it.live("every vendor keeps its own file, which gives the same payments and captures after kill -9", () =>
    Effect.gen(function* () {
      const path = yield* directory;
      const keys = { PORTONE_API_SECRET: "p", BOOTPAY_CLIENT_KEY: "c", BOOTPAY_SECRET_KEY: "s" };
      const bound = { authorization: "PortOne p", key: '"confirm:order-0001"' };
      const merchant = { authorization: basic("c:s") };
      const order = { orderId: "order-0001", amount: 15_000 };
      const begin = Effect.map(start(path, keys), ({ child, ready: { simulators } }) => {
        const portOne = makeClient(simulators.portone.url);
        const bootpay = makeClient(simulators.bootpay.url);
        const shown = Effect.forEach(
          [portOne, bootpay].flatMap(({ call }) => [call("GET", "/__sim/payments"), call("GET", "/__sim/captures")]),
          Effect.map(({ body }) => body.items),
        );
        return { child, portOne, bootpay, shown };
      });

      const before = yield* begin;
      const { paymentId, paymentToken } = (yield* before.portOne.call("POST", "/__sim/payments", order)).body;
      const confirm = ["POST", `/payments/${paymentId}/confirm`, { paymentToken, totalAmount: order.amount }] as const;
      const confirmed = yield* before.portOne.call(...confirm, bound);
      assert.strictEqual(confirmed.status, 200);
      const receipt = { receipt_id: (yield* before.bootpay.call("POST", "/__sim/payments", order)).body.paymentKey };
      yield* before.bootpay.call("POST", "/v2/confirm", receipt, merchant);
      const part = ["POST", "/v2/cancel", { ...receipt, cancel_price: 5_000, cancel_id: "refund-1" }] as const;
      const given = yield* before.bootpay.call(...part, merchant);
      const shown = yield* before.shown;
      yield* kill(before.child, "SIGKILL");

      const after = yield* begin;
      assert.deepStrictEqual(yield* after.shown, shown);
      assert.strictEqual((yield* after.portOne.call(...confirm, bound)).text, confirmed.text);
      assert.strictEqual((yield* after.bootpay.call(...part, merchant)).text, given.text);
      for (const [vendor, kinds] of [
        ["portone", ["captured"]],
        ["bootpay", ["captured", "canceled"]],
      ] as const) {
        const captures = yield* Captures.read(Path.join(path, `${vendor}.ndjson`));
        assert.deepStrictEqual(
          captures.map(({ gateway, kind }) => `${gateway} ${kind}`),
          kinds.map((kind) => `${vendor} ${kind}`),
        );
      }
    }).pipe(Effect.scoped),
  );

  it.live("ends with code 0 on SIGTERM and when its lifeline is cut", () =>
    Effect.gen(function* () {
      const path = yield* directory;
      const asked = yield* start(path);
      yield* kill(asked.child, "SIGTERM");
      assert.strictEqual(asked.child.exitCode, 0);
      const orphan = yield* start(path);
      const ended = once(orphan.child, "exit");
      orphan.child.stdin.end();
      yield* Effect.promise(() => ended);
      assert.strictEqual(orphan.child.exitCode, 0);
    }).pipe(Effect.scoped),
  );

  it.live("a file that is damaged in the middle is refused with its line, not skipped", () =>
    Effect.gen(function* () {
      const path = yield* directory;
      const file = Path.join(path, "toss.ndjson");
      Fs.writeFileSync(file, '{"state":{}}\nnonsense\n{"state":{}}\n');
      const error = yield* Effect.flip(Captures.read(file));
      assert.strictEqual(error.line, 2);
    }).pipe(Effect.scoped),
  );
});
