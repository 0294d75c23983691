import { assert, describe, it } from "@effect/vitest";
import * as Catalogue from "../../src/seed/Catalogue.ts";

const unique = (values: ReadonlyArray<string>): number => new Set(values).size;

describe("a seeded catalogue", () => {
  const shop = Catalogue.make("S", 42);

  it("is the same for the same seed, and another for another seed", () => {
    assert.deepStrictEqual(Catalogue.make("S", 42), shop);
    assert.notDeepEqual(Catalogue.make("S", 43).products, shop.products);
  });

  it("has as much of everything as its scale says, with no id or name twice", () => {
    for (const scale of ["S", "M"] as const) {
      const { brands, partners, products, users } = Catalogue.make(scale, 1);
      const sizes = Catalogue.scales[scale];
      assert.strictEqual(users.length, sizes.users);
      assert.strictEqual(unique(products.map(({ brandId }) => brandId)), sizes.brands);
      assert.strictEqual(unique(products.map(({ name }) => name)), sizes.products);
      const people = [...partners, ...users];
      for (const field of ["username", "email", "nickname", "phone"] as const) {
        assert.strictEqual(unique(people.map((user) => user[field])), sizes.brands + sizes.users, field);
      }
      assert.strictEqual(
        unique([...brands, ...products, ...people].map(({ id }) => id)),
        2 * sizes.brands + sizes.products + sizes.users,
      );
    }
  });

  it("gives every brand a partner of its own, the same people under every seed and at every scale", () => {
    const other = Catalogue.make("M", 43);
    assert.deepStrictEqual(
      shop.brands.map(({ managerId }) => managerId),
      shop.partners.map(({ id }) => id),
    );
    assert.deepStrictEqual(other.partners.slice(0, 5), shop.partners);
    assert.notInclude(
      other.brands.map(({ id }) => id),
      shop.brands[0]?.id,
    );
    assert.match(shop.brands[0]?.name ?? "", /\p{Script=Hangul}/u);
    assert.match(shop.brands[1]?.name ?? "", /^[A-Z]/);
  });

  it("has usernames and a password that the sign-up would accept, at every scale", () => {
    const { brands, users } = Catalogue.scales.L;
    const last = [Catalogue.usernameOf(users - 1), Catalogue.partnerNameOf(brands - 1)];
    for (const name of [...last, ...[...shop.users, ...shop.partners].map(({ username }) => username)])
      assert.match(name, /^[a-z0-9]{4,10}$/);
    assert.match(Catalogue.password, /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^A-Za-z0-9]).{8,15}$/);
  });

  it("is named in Korean and in English, with prices in whole hundreds of won", () => {
    assert.isAbove(shop.products.filter(({ name }) => /\p{Script=Hangul}/u.test(name)).length, 50);
    assert.isAbove(shop.products.filter(({ name }) => /^[A-Z][a-z]+ /.test(name)).length, 50);
    assert.isTrue(shop.products.every(({ price }) => price >= 5000 && price <= 300_000 && price % 100 === 0));
  });

  it("drops coupons for a fifth of the shoppers, under one id at every scale and another for another seed", () => {
    const { drop } = Catalogue.make("M", 42);
    assert.deepStrictEqual({ ...drop, limit: 200 }, shop.drop);
    assert.strictEqual(drop.limit, 2000);
    assert.notStrictEqual(Catalogue.make("S", 43).drop.templateId, drop.templateId);
    assert.notInclude(
      [...shop.products, ...shop.users].map(({ id }) => id),
      drop.templateId,
    );
  });

  it("keeps little of the hot articles and plenty of all others, and nothing else depends on how hot they are", () => {
    const hotter = Catalogue.make("S", 42, { products: 2, stock: 7 });
    assert.deepStrictEqual(
      hotter.products.slice(0, 4).map(({ stock }) => stock),
      [7, 7, Catalogue.ordinaryStock, Catalogue.ordinaryStock],
    );
    const withoutStock = ({ products }: Catalogue.Catalogue) => products.map(({ stock: _, ...rest }) => rest);
    assert.deepStrictEqual(withoutStock(hotter), withoutStock(shop));
  });
});
