/** How long to wait before attempt `n` (from 0) to connect again: 1 s doubling to 10 s, with jitter. */

export const FIRST_MS = 1000;
export const MOST_MS = 10_000;

/** `random` gives [0, 1). The delay lies between three quarters and all of the step, never under FIRST_MS * 0.75. */
export function backoffMs(attempt: number, random: () => number): number {
  const step = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(step * (0.75 + 0.25 * random()));
}
