/** A month's bytes as a chart draws them. */

export interface Bar {
  /** Of the month, from 1. */
  day: number;
  bytes: number;
  /** Of the highest: 0 to 1. */
  height: number;
}

/** How many days "2026-11" has; 0 for what is no month. */
export function daysIn(month: string): number {
  const [, year, number] = /^(\d{4})-(\d{2})$/.exec(month) ?? [];
  if (!year || !number) return 0;
  return new Date(Date.UTC(Number(year), Number(number), 0)).getUTCDate();
}

/** A bar for each day of the month, also for those without a byte; `days` are named as "2026-11-05". */
export function bars(month: string, days: readonly { day: string; bytes: number }[]): Bar[] {
  const known = new Map(days.map(({ day, bytes }) => [day, bytes]));
  const all = Array.from({ length: daysIn(month) }, (_, at) => ({
    day: at + 1,
    bytes: known.get(`${month}-${String(at + 1).padStart(2, "0")}`) ?? 0,
  }));
  const highest = Math.max(0, ...all.map(({ bytes }) => bytes));
  return all.map((bar) => ({ ...bar, height: highest > 0 ? bar.bytes / highest : 0 }));
}

/** How much of the cap is used, 0 to 1; 0 without a cap. */
export function share(bytes: number, cap: number | null): number {
  if (cap === null) return 0;
  return cap > 0 ? Math.min(1, bytes / cap) : 1;
}
