import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import { BrandCreated, BrandDeleted, BrandUpdated } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Brands from "./Brands.ts";

const refused = ({ body, status }: Answer) => [status, body["code"]];

layer(Brands.service, { excludeTestServices: true })("brands over HTTP", (it) => {
  it.effect("who creates a brand manages it, and everybody is told", () =>
    Effect.gen(function* () {
      const { bus, http } = yield* ServiceTest;
      const { answer, id, manager } = yield* Brands.brand("노스페이스");
      assert.strictEqual(answer.headers["location"], `/v1/brands/${id}`);
      const got = yield* http.get(`/v1/brands/${id}`);
      assert.deepStrictEqual([got.status, got.body], [200, answer.body]);
      assert.strictEqual(got.body["managerId"], manager.userId);
      yield* bus.settled;
      const [told, ...more] = yield* bus.said(BrandCreated, id);
      assert.deepStrictEqual(told?.payload, {
        brandId: id,
        managerId: manager.userId,
        brandName: "노스페이스",
        version: 1,
      });
      assert.deepStrictEqual(more, []);
    }),
  );

  it.effect("a customer creates none; a name has 2 to 100 characters", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const body = { brandName: "ok" };
      assert.deepStrictEqual(refused(yield* http.post("/v1/brands", { as: yield* tokens.customer, body })), [
        403,
        "SERV-007",
      ]);
      for (const brandName of ["a", "", "a".repeat(101), "a\0b", 7, null]) {
        const answer = yield* http.post("/v1/brands", { as: yield* tokens.partner, body: { brandName } });
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["brandName"]], String(brandName));
      }
    }),
  );

  it.effect("its manager and a MASTER change it, another partner does not; a new manager takes over at once", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const { id, manager } = yield* Brands.brand();
      const [heir, stranger, master] = [yield* tokens.partner, yield* tokens.partner, yield* tokens.master];
      const change = (as: typeof heir, body: object) => http.patch(`/v1/brands/${id}`, { as, body });
      assert.deepStrictEqual(refused(yield* change(stranger, { brandName: "mine now" })), [403, "SERV-007"]);
      assert.strictEqual((yield* change(master, { brandName: "renamed" })).body["brandName"], "renamed");
      const handed = yield* change(manager, { managerId: heir.userId });
      assert.deepStrictEqual([handed.status, handed.body["managerId"]], [200, heir.userId]);
      assert.deepStrictEqual(refused(yield* change(manager, { brandName: "still mine" })), [403, "SERV-007"]);
      assert.strictEqual((yield* change(heir, { brandName: "renamed" })).status, 200, "nothing to change is no error");
      yield* bus.settled;
      assert.deepStrictEqual(
        (yield* bus.said(BrandUpdated, id)).map(({ payload: { brandName, managerId, version } }) => [
          brandName,
          managerId,
          version,
        ]),
        [
          ["renamed", manager.userId, 2],
          ["renamed", heir.userId, 3],
        ],
      );
    }),
  );

  it.effect("a deleted brand is gone: not read, not listed, not changed, not deleted again", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const { id, manager } = yield* Brands.brand("to be gone");
      const stranger = yield* tokens.partner;
      assert.deepStrictEqual(refused(yield* http.send("DELETE", `/v1/brands/${id}`, { as: stranger })), [
        403,
        "SERV-007",
      ]);
      assert.strictEqual((yield* http.send("DELETE", `/v1/brands/${id}`, { as: manager })).status, 204);
      for (const answer of [
        yield* http.get(`/v1/brands/${id}`),
        yield* http.patch(`/v1/brands/${id}`, { as: manager, body: {} }),
        yield* http.send("DELETE", `/v1/brands/${id}`, { as: manager }),
        yield* http.get(`/v1/brands/${id}/orders`, { as: manager }),
      ]) {
        assert.deepStrictEqual(refused(answer), [404, "BRAND-001"]);
      }
      assert.deepStrictEqual(itemsOf(yield* http.get("/v1/brands?brandName=be%20gone")), []);
      yield* bus.settled;
      assert.lengthOf(yield* bus.said(BrandDeleted, id), 1);
    }),
  );

  it.effect("a list is searched by a part of the name, without regard to case and without wildcards", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const percent = yield* Brands.brand("Hundred 100% Wool");
      const plain = yield* Brands.brand("hundred 1000 WOOL");
      const found = (part: string) =>
        Effect.map(http.get(`/v1/brands?brandName=${encodeURIComponent(part)}`), (answer) =>
          itemsOf(answer).map(({ brandId }) => brandId),
        );
      assert.deepStrictEqual(yield* found("HUNDRED"), [plain.id, percent.id]);
      assert.deepStrictEqual(yield* found("100%"), [percent.id]);
      const first = yield* http.get("/v1/brands?brandName=hundred&limit=1");
      const second = yield* http.get(`/v1/brands?brandName=hundred&limit=1&${nextOf(first)}`);
      assert.deepStrictEqual(
        [...itemsOf(first), ...itemsOf(second)].map(({ brandId }) => brandId),
        [plain.id, percent.id],
      );
      assert.isUndefined(nextOf(second));
    }),
  );

  it.effect("what is no id is 400, an unknown one 404", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      assert.deepStrictEqual(refused(yield* http.get(`/v1/brands/${yield* Ids.fresh}`)), [404, "BRAND-001"]);
      assert.deepStrictEqual(fieldsOf(yield* http.get("/v1/brands/1")), ["path.brandId"]);
    }),
  );
});
