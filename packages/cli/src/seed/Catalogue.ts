/**
 * What a seeded shop sells and who shops there. Pure: one seed and one scale always give the same.
 *
 * Names are Korean and English, prices are won in steps of a hundred. The first `hotProducts` are the ones that everybody
 * wants and that have little stock, so that a rehearsal sells out.
 */
import { en, Faker, ko } from "@faker-js/faker";
import { Ids } from "@destiny/sdk/message";

export const scales = {
  S: { brands: 5, products: 200, users: 1000 },
  M: { brands: 20, products: 2000, users: 10_000 },
  L: { brands: 200, products: 100_000, users: 100_000 },
} as const;
export type Scale = keyof typeof scales;

export const hotProducts = 5;
export const hotStock = 60;
export const ordinaryStock = 100_000;

/** Printed by `seed`: seeded shoppers are made for load, not for secrets. */
export const password = "Passw0rd!";

/** Ids carry a time inside; a fixed one keeps them the same on every day. */
const epochMillis = Date.UTC(2026, 0, 1);

export interface SeededProduct {
  readonly id: string;
  readonly brandId: string;
  readonly name: string;
  readonly price: number;
  readonly color: string;
  readonly size: string;
  readonly stock: number;
}

export interface SeededUser {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly nickname: string;
  readonly phone: string;
}

export interface Catalogue {
  readonly scale: Scale;
  readonly brandIds: ReadonlyArray<string>;
  readonly products: ReadonlyArray<SeededProduct>;
  readonly users: ReadonlyArray<SeededUser>;
}

const sizes = ["XS", "S", "M", "L", "XL", "FREE"] as const;

export const usernameOf = (index: number): string => `user${String(index + 1).padStart(6, "0")}`;

const phoneOf = (index: number): string => {
  const digits = String(index % 100_000_000).padStart(8, "0");
  return `010-${digits.slice(0, 4)}-${digits.slice(4)}`;
};

export const make = (scale: Scale, seed: number): Catalogue => {
  const { brands, products, users } = scales[scale];
  const ids = Ids.seeded(seed);
  const next = (): string => ids.next(epochMillis);
  const faker = new Faker({ locale: [ko, en], seed });
  const english = new Faker({ locale: en, seed });
  const brandIds = Array.from({ length: brands }, next);
  return {
    scale,
    brandIds,
    products: Array.from({ length: products }, (_, index): SeededProduct => ({
      id: next(),
      brandId: brandIds[index % brands] ?? "",
      // The number keeps names unique within a brand.
      name: `${(index % 2 === 0 ? faker : english).commerce.productName()} ${index + 1}`,
      price: faker.number.int({ min: 50, max: 3000 }) * 100,
      color: english.color.human(),
      size: faker.helpers.arrayElement(sizes),
      stock: index < hotProducts ? hotStock : ordinaryStock,
    })),
    users: Array.from({ length: users }, (_, index): SeededUser => ({
      id: next(),
      username: usernameOf(index),
      email: `${usernameOf(index)}@shop.example`,
      nickname: usernameOf(index),
      phone: phoneOf(index),
    })),
  };
};
