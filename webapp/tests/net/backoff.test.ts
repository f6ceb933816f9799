import { describe, expect, it } from "vitest";
import { backoffMs, MOST_MS } from "../../src/net/backoff.ts";

describe("backoffMs", () => {
  it("doubles from one second to ten", () => {
    expect([0, 1, 2, 3, 4, 50].map((n) => backoffMs(n, () => 1))).toEqual([1000, 2000, 4000, 8000, MOST_MS, MOST_MS]);
  });
  it("takes off up to a quarter", () => {
    expect(backoffMs(3, () => 0)).toBe(6000);
    expect(backoffMs(3, () => 0.5)).toBe(7000);
  });
});
