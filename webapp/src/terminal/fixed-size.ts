/** The font of a terminal whose size in cells is not ours: a spectator's, and a recording's. */

/** Smaller than this nobody reads it; it is then moved about instead. */
export const READABLE_FONT = 11;
const SMALLEST_FONT = 2;

/**
 * Pixels: `fitting` where all of it fits, at most the `chosen` font, and not so small that it cannot be read,
 * unless the `whole` screen is wanted.
 */
export function fixedFontSize(fitting: number, chosen: number, whole: boolean): number {
  const most = Math.min(fitting, chosen);
  // At a few pixels a whole one more or less is half of the screen.
  if (whole) return Math.max(SMALLEST_FONT, Math.floor(most * 4) / 4);
  return Math.max(Math.min(READABLE_FONT, chosen), Math.floor(most));
}
