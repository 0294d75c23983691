import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Schema from "effect/Schema";
import { IdempotencyKey, Page, Prefer, type Problem } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import { call, silent } from "./support.ts";

const visible = Schema.String.check(Schema.isPattern(/^[!-~]{1,40}$/));
const runs = { arbitrary: { runs: 300 } };

describe("Idempotency-Key", () => {
  it.each([
    ["abc", "abc"],
    ['"abc"', "abc"],
    ['  "abc" ', "abc"],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ["8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ["x".repeat(255), "x".repeat(255)],
    ["", undefined],
    ['""', undefined],
    ['"abc', undefined],
    ['abc"', undefined],
    ['"', undefined],
    ['"a\\b"', undefined],
    ["a b", undefined],
    ["schlüssel", undefined],
    ["a\tb", undefined],
    ["x".repeat(256), undefined],
  ])("%j is read as %j", (header, key) => {
    assert.strictEqual(IdempotencyKey.parse(header), key);
  });

  it.effect.prop(
    "every key survives being quoted",
    [visible],
    ([key]) => Effect.sync(() => assert.strictEqual(IdempotencyKey.parse(IdempotencyKey.format(key)), key)),
    runs,
  );

  it.effect.prop(
    "no header makes it throw, and what it accepts is a key",
    [Schema.String],
    ([header]) =>
      Effect.sync(() => {
        const key = IdempotencyKey.parse(header);
        if (key !== undefined) assert.match(key, /^[!-~]{1,255}$/);
      }),
    runs,
  );

  it.effect.prop(
    "ids differ when user, route or key do, wherever the border between them lies",
    [visible, visible, visible],
    ([a, b, c]) =>
      Effect.sync(() => {
        const id = (userId: string, route: string, key: string) => IdempotencyKey.inputId({ userId, route, key });
        assert.strictEqual(id(a, b, c), id(a, b, c));
        assert.notStrictEqual(id(a + b, c, "k"), id(a, b + c, "k"));
        assert.notStrictEqual(id(a, b, c), id(a, b, `${c}!`));
      }),
    runs,
  );

  it.effect.prop(
    "fingerprints see the meaning of a body, not its spelling",
    [Schema.Json],
    ([value]) =>
      Effect.sync(() => {
        const of = (body: unknown) => IdempotencyKey.fingerprint({ method: "POST", path: "/v1/orders", body });
        const respelled: unknown = JSON.parse(JSON.stringify({ b: value, a: 1 }));
        assert.strictEqual(of({ a: 1, b: value }), of(respelled));
        assert.notStrictEqual(of({ a: 1, b: value }), of({ a: 2, b: value }));
        assert.notStrictEqual(of([value, 1]), of([1, value, 1]));
      }),
    runs,
  );

  it("a fingerprint covers method and path, and no body is not a null body", () => {
    const of = (method: string, path: string, body?: unknown) => IdempotencyKey.fingerprint({ method, path, body });
    const all = [
      of("POST", "/a", {}),
      of("PUT", "/a", {}),
      of("POST", "/b", {}),
      of("POST", "/a"),
      of("POST", "/a", null),
    ];
    assert.strictEqual(new Set(all).size, all.length);
  });

  it.live("outside of a contract a missing key is a 400 that names the header", () =>
    Effect.gen(function* () {
      const routes = HttpRouter.add(
        "POST",
        "/pay",
        Effect.map(IdempotencyKey.fromRequest, (key) => HttpServerResponse.text(key)),
      );
      const { url } = yield* Service.make({
        name: "pay",
        port: 0,
        routes,
      }).pipe(Effect.provide(silent));
      const missing = yield* call(`${url}/pay`, { method: "POST" });
      assert.deepStrictEqual([missing.status, missing.body["code"]], [400, "SERV-001"]);
      assert.strictEqual(
        (missing.body["errors"] as ReadonlyArray<Problem.FieldError>)[0]?.field,
        "header.idempotency-key",
      );
      const given = yield* call(`${url}/pay`, { method: "POST", headers: { "idempotency-key": '"k 1"' } });
      assert.strictEqual(given.status, 400);
      assert.strictEqual(
        (yield* call(`${url}/pay`, { method: "POST", headers: { "idempotency-key": '"k1"' } })).text,
        "k1",
      );
    }),
  );
});

describe("Prefer", () => {
  it.each([
    [undefined, 0],
    ["", 0],
    ["wait=5", 5],
    ["respond-async, WAIT = 10", 10],
    ['wait="7"', 7],
    ["wait=5;foo=bar", 5],
    ["wait=3, wait=9", 3],
    ["wait=31", Prefer.maxWaitSeconds],
    ["wait=999999999", Prefer.maxWaitSeconds],
    ["wait=-1", 0],
    ["wait=1.5", 0],
    ["wait", 0],
    ["await=5", 0],
  ])("%j waits %d seconds", (header, seconds) => {
    assert.strictEqual(Prefer.waitSeconds(header), seconds);
  });

  it.effect.prop(
    "whatever is sent, the wait is whole and bounded",
    [Schema.String],
    ([header]) =>
      Effect.sync(() => {
        const seconds = Prefer.waitSeconds(`wait=${header}`);
        assert.isTrue(Number.isInteger(seconds) && seconds >= 0 && seconds <= Prefer.maxWaitSeconds);
      }),
    runs,
  );
});

describe("Page", () => {
  const Position = Schema.Struct({ at: Schema.Int, id: Schema.String.check(Schema.isMaxLength(50)) });
  const Cursor = Page.Cursor(Position);
  const decode = Schema.decodeUnknownOption(Cursor);

  it.effect.prop(
    "a cursor comes back as the position that it was made of, and is fit for a URL",
    [Position],
    ([position]) =>
      Effect.sync(() => {
        const cursor = Schema.encodeSync(Cursor)(position);
        assert.match(cursor, /^[A-Za-z0-9_-]+$/);
        assert.deepStrictEqual(
          { ...Schema.decodeUnknownSync(Cursor)(cursor) },
          { ...position, at: position.at + 0 },
          "JSON has no -0",
        );
      }),
    runs,
  );

  it.effect.prop(
    "a cursor of another list, or one that was tampered with, is refused",
    [Schema.String, Position],
    ([name, position]) =>
      Effect.sync(() => {
        const foreign = Schema.encodeSync(Page.Cursor(Schema.Struct({ name: Schema.String })))({
          name: name.slice(0, 50),
        });
        assert.strictEqual(decode(foreign)._tag, "None");
        assert.strictEqual(decode(`${Schema.encodeSync(Cursor)(position)}=`)._tag, "None");
      }),
    runs,
  );

  it.each(["", "!!!", "e30", Buffer.from('{"at":"x"}').toString("base64url"), "A".repeat(Page.maxCursorLength + 1)])(
    "cursor %j is refused",
    (text) => {
      assert.strictEqual(decode(text)._tag, "None");
    },
  );

  it("limits are bounded and have a default", () => {
    const Query = Schema.Struct(Page.Query(Position));
    const limit = (query: Record<string, string>) => Schema.decodeUnknownOption(Query)(query);
    assert.deepStrictEqual(Schema.decodeUnknownSync(Query)({}).limit, Page.defaultLimit);
    assert.strictEqual(Schema.decodeUnknownSync(Query)({ limit: String(Page.maxLimit) }).limit, Page.maxLimit);
    for (const bad of ["0", "-1", "101", "1.5", "ten", ""]) assert.strictEqual(limit({ limit: bad })._tag, "None", bad);
  });

  it("pages cover all rows once and end with null", () => {
    const rows = Array.from({ length: 7 }, (_, id) => ({ id }));
    const seen: Array<number> = [];
    let after = -1;
    for (let turn = 0; turn < 4; turn++) {
      const read = rows.filter((row) => row.id > after).slice(0, Page.fetchSize(3));
      const page = Page.make(read, 3, (row) => row.id);
      seen.push(...page.items.map((row) => row.id));
      if (page.nextCursor === null) break;
      after = page.nextCursor;
    }
    assert.deepStrictEqual(seen, [0, 1, 2, 3, 4, 5, 6]);
    assert.isNull(Page.make(rows, 7, (row) => row.id).nextCursor);
  });
});
