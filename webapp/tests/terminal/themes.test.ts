import { describe, expect, it } from "vitest";
import { terminalThemes } from "../../src/terminal/themes.ts";

function luminance(colour: string): number {
  const channel = (at: number) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe("the terminal's colours", () => {
  for (const [name, { colours: theme, found }] of Object.entries(terminalThemes)) {
    // Black in the dark theme is for backgrounds; the terminal lightens it where it is text.
    const names = ["foreground", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "brightBlack"] as const;
    for (const colour of names) {
      it(`${name}: ${colour} is readable`, () => {
        expect(contrast(theme[colour] ?? "", theme.background ?? "")).toBeGreaterThanOrEqual(4.5);
      });
    }
    it(`${name}: what was found is readable, and the current match stands out most`, () => {
      const [text, ground] = [theme.foreground ?? "", theme.background ?? ""];
      for (const behind of Object.values(found)) expect(contrast(text, behind)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(found.match, ground)).toBeGreaterThan(1.15);
      expect(contrast(found.current, ground)).toBeGreaterThan(contrast(found.match, ground) * 1.2);
      expect(contrast(found.current, found.match)).toBeGreaterThan(1.2);
    });
  }
});
