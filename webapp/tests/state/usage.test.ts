import { describe, expect, it } from "vitest";
import { bars, daysIn, share } from "../../src/state/usage.ts";

describe("a month", () => {
  it.each([
    ["2026-11", 30],
    ["2026-12", 31],
    ["2026-02", 28],
    ["2028-02", 29],
    ["", 0],
    ["November", 0],
  ])("%j has %d days", (month, days) => {
    expect(daysIn(month)).toBe(days);
  });

  it("has a bar for every day, the highest of full height", () => {
    const all = bars("2026-11", [
      { day: "2026-11-01", bytes: 50 },
      { day: "2026-11-30", bytes: 200 },
      { day: "2026-10-31", bytes: 9000 },
    ]);
    expect(all).toHaveLength(30);
    expect(all[0]).toEqual({ day: 1, bytes: 50, height: 0.25 });
    expect(all[1]).toEqual({ day: 2, bytes: 0, height: 0 });
    expect(all[29]).toEqual({ day: 30, bytes: 200, height: 1 });
  });

  it("without a byte is flat", () => {
    expect(bars("2026-11", []).every(({ height }) => height === 0)).toBe(true);
    expect(bars("", [{ day: "2026-11-01", bytes: 1 }])).toEqual([]);
  });
});

describe("share", () => {
  it("is that of the cap, and never more than all", () => {
    expect([share(512, 1024), share(4096, 1024), share(7, null), share(0, 0)]).toEqual([0.5, 1, 0, 1]);
  });
});
