/** How long a consumer waits before it tries again: doubles from `minMillis`, never above `maxMillis`. */

export const minMillis = 50;
export const maxMillis = 5000;

/** @param failures how many tries have failed in a row, from 1 */
export const delayMillis = (failures: number): number =>
  Math.min(maxMillis, minMillis * 2 ** Math.min(Math.max(failures, 1) - 1, 16));
