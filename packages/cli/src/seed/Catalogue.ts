/**
 * What a seeded shop sells, who sells it and who shops there. Pure: one seed and one scale always give the same.
 *
 * Names are Korean and English, prices are won in steps of a hundred. The first products are the hot ones: everybody wants
 * them and they have little stock, so that a peak sells out. Each brand has a partner of its own who manages it.
 */
import { en, Faker, ko } from "@faker-js/faker";
import { Ids } from "@destiny/sdk/message";

export const scales = {
  S: { brands: 5, products: 200, users: 1000 },
  M: { brands: 20, products: 2000, users: 10_000 },
  L: { brands: 200, products: 100_000, users: 100_000 },
} as const;
export type Scale = keyof typeof scales;

export interface Hot {
  readonly products: number;
  /** Units of each. */
  readonly stock: number;
}

export const defaultHot: Hot = { products: 5, stock: 60 };
export const ordinaryStock = 100_000;

/** A coupon of the drop is for one shopper in so many. */
const shoppersPerCoupon = 5;

/** Printed by `seed`: seeded people are made for load, not for secrets. */
export const password = "Passw0rd!";

/** Ids carry a time inside; a fixed one keeps them the same on every day. */
export const epochMillis = Date.UTC(2026, 0, 1);

export interface SeededBrand {
  readonly id: string;
  readonly managerId: string;
  readonly name: string;
}

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

/** What everybody asks for at once: fifteen per cent off, for the first fifth of the shoppers. */
export interface SeededDrop {
  readonly templateId: string;
  readonly code: string;
  readonly name: string;
  readonly discountPercent: number;
  readonly maxDiscount: number;
  readonly limit: number;
  /** UTC epoch milliseconds: open on every day on which somebody rehearses. */
  readonly opensAt: number;
  readonly endsAt: number;
}

export interface Catalogue {
  readonly scale: Scale;
  readonly drop: SeededDrop;
  readonly brands: ReadonlyArray<SeededBrand>;
  /** Who manages which brand: one each, in the order of the brands. */
  readonly partners: ReadonlyArray<SeededUser>;
  readonly products: ReadonlyArray<SeededProduct>;
  readonly users: ReadonlyArray<SeededUser>;
}

/** Faker has no Korean goods, so both languages come from here: [Korean, English]. */
const styles = [
  ["클래식", "Classic"],
  ["오버핏", "Oversized"],
  ["슬림", "Slim"],
  ["빈티지", "Vintage"],
  ["경량", "Lightweight"],
  ["데일리", "Everyday"],
  ["프리미엄", "Premium"],
] as const;
const materials = [
  ["데님", "Denim"],
  ["코튼", "Cotton"],
  ["울", "Wool"],
  ["린넨", "Linen"],
  ["가죽", "Leather"],
  ["캐시미어", "Cashmere"],
] as const;
const goods = [
  ["재킷", "Jacket"],
  ["셔츠", "Shirt"],
  ["바지", "Trousers"],
  ["스니커즈", "Sneakers"],
  ["가방", "Bag"],
  ["모자", "Cap"],
  ["스웨터", "Sweater"],
  ["코트", "Coat"],
] as const;
const colors = [
  ["검정", "Black"],
  ["하양", "White"],
  ["빨강", "Red"],
  ["파랑", "Blue"],
  ["초록", "Green"],
  ["베이지", "Beige"],
] as const;
const sizes = ["XS", "S", "M", "L", "XL", "FREE"] as const;

const numbered = (role: string, digits: number, index: number): string =>
  `${role}${String(index + 1).padStart(digits, "0")}`;

/** At most ten characters, as at the sign-up. */
export const usernameOf = (index: number): string => numbered("user", 6, index);
export const partnerNameOf = (index: number): string => numbered("partner", 3, index);

const phoneOf = (area: string, index: number): string => {
  const digits = String(index % 100_000_000).padStart(8, "0");
  return `${area}-${digits.slice(0, 4)}-${digits.slice(4)}`;
};

const userOf = (id: string, username: string, phone: string): SeededUser => ({
  id,
  username,
  email: `${username}@shop.example`,
  nickname: username,
  phone,
});

/**
 * The same people whatever the seed: a username can be taken only once, and brands of a second seed in the same shop must not
 * be managed by somebody who was never let in.
 */
const partnersOf = (count: number): ReadonlyArray<SeededUser> => {
  const ids = Ids.seeded(0x0b0d_0001);
  return Array.from({ length: count }, (_, index) =>
    userOf(ids.next(epochMillis), partnerNameOf(index), phoneOf("011", index)),
  );
};

/** Ids of their own stream: the same at every scale, and nothing else moves when there are more of them. */
const dropOf = (seed: number, users: number): SeededDrop => ({
  templateId: Ids.seeded(seed ^ 0x0d20_9000).next(epochMillis),
  code: "BLACK-FRIDAY",
  name: "블랙 프라이데이 15% Black Friday",
  discountPercent: 15,
  maxDiscount: 30_000,
  limit: users / shoppersPerCoupon,
  opensAt: 0,
  endsAt: Date.UTC(2100, 0, 1) - 1,
});

export const make = (scale: Scale, seed: number, hot: Hot = defaultHot): Catalogue => {
  const { brands: brandCount, products, users } = scales[scale];
  const ids = Ids.seeded(seed);
  const next = (): string => ids.next(epochMillis);
  const faker = new Faker({ locale: en, seed });
  // Of their own, so that products keep their names however brands are called.
  const companies = [new Faker({ locale: ko, seed }), new Faker({ locale: en, seed })] as const;
  const partners = partnersOf(brandCount);
  const brands = partners.map(({ id: managerId }, index): SeededBrand => ({
    id: next(),
    managerId,
    name: companies[index % 2 === 0 ? 0 : 1].company.name(),
  }));
  return {
    scale,
    drop: dropOf(seed, users),
    brands,
    partners,
    products: Array.from({ length: products }, (_, index): SeededProduct => {
      const language = index % 2 === 0 ? 0 : 1;
      const word = (of: ReadonlyArray<readonly [string, string]>): string => faker.helpers.arrayElement(of)[language];
      return {
        id: next(),
        brandId: brands[index % brandCount]?.id ?? "",
        // The number keeps names unique.
        name: `${word(styles)} ${word(materials)} ${word(goods)} ${index + 1}`,
        price: faker.number.int({ min: 50, max: 3000 }) * 100,
        color: word(colors),
        size: faker.helpers.arrayElement(sizes),
        stock: index < hot.products ? hot.stock : ordinaryStock,
      };
    }),
    users: Array.from({ length: users }, (_, index) => userOf(next(), usernameOf(index), phoneOf("010", index))),
  };
};
