import { describe, expect, it } from "vitest";
import { fixedFontSize, READABLE_FONT } from "../../src/terminal/fixed-size.ts";

describe("the font of a screen that is not ours", () => {
  it("fits the window, up to the chosen size", () => {
    expect(fixedFontSize(12.7, 14, false)).toBe(12);
    expect(fixedFontSize(30, 14, false)).toBe(14);
  });
  it("stays readable, unless the whole screen is wanted", () => {
    expect(fixedFontSize(3.6, 13, false)).toBe(READABLE_FONT);
    expect(fixedFontSize(3.6, 13, true)).toBe(3.5);
    expect(fixedFontSize(0.4, 13, true)).toBeGreaterThan(0);
  });
  it("is not larger than what was chosen", () => {
    expect(fixedFontSize(3.6, 9, false)).toBe(9);
  });
});
