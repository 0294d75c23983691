/**
 * Seeded draws: the same seed gives the same sequence on every machine and in every JavaScript engine.
 *
 * Effect's `Random` is not used here: journeys draw synchronously, one generator a shopper, and a scenario must draw the
 * same numbers in a runner that has no Effect.
 */

/** Uniform in [0, 1). */
export type Draw = () => number;

/** A well-mixed 32-bit number out of several (splitmix32's finaliser). */
export const mix = (...parts: ReadonlyArray<number>): number => {
  let hash = 0x9e3779b9;
  for (const part of parts) {
    hash = (hash ^ (part >>> 0)) + 0x9e3779b9;
    hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
};

/** sfc32: small, fast, passes PractRand; 32 bits a draw are plenty for choices. */
export const fromSeed = (seed: number): Draw => {
  let a = mix(seed, 1);
  let b = mix(seed, 2);
  let c = mix(seed, 3);
  let counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 4_294_967_296;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
};

/** The index that a draw falls on when index `i` has weight `weights[i]`; the weights' sum must be positive. */
export const weighted = (weights: ReadonlyArray<number>): ((draw: Draw) => number) => {
  const cumulative: Array<number> = [];
  let total = 0;
  for (const weight of weights) cumulative.push((total += weight));
  if (!(total > 0)) throw new RangeError("the weights must have a positive sum");
  return (draw) => {
    const target = draw() * total;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] ?? total) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
};

/** Ranks 0, 1, 2, … with weights 1/(rank+1)^exponent. */
export const zipf = (count: number, exponent: number): ((draw: Draw) => number) =>
  weighted(Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent));

/** A permutation of 0 … count-1 (Fisher-Yates). */
export const shuffled = (count: number, draw: Draw): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(draw() * (index + 1));
    const held = order[index] ?? 0;
    order[index] = order[other] ?? 0;
    order[other] = held;
  }
  return order;
};
