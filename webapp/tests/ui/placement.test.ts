import { describe, expect, it } from "vitest";
import { placement } from "../../src/ui/placement.ts";

const box = (left: number, top: number, width: number, height: number) => ({
  left,
  top,
  right: left + width,
  bottom: top + height,
});
const button = box(97, 170, 38, 38);

describe("a menu", () => {
  it("stays where it is in a wide window", () => {
    expect(placement(box(1000, 60, 190, 80), box(1152, 20, 38, 38), 1280, 800)).toEqual({ shift: 0, above: false });
  });
  it("is moved into a narrow one, from either side", () => {
    expect(placement(box(-55, 212, 190, 44), button, 360, 740).shift).toBe(63);
    expect(placement(box(200, 212, 190, 44), button, 360, 740).shift).toBe(-38);
  });
  it("begins at the left where it is wider than the window", () => {
    expect(placement(box(-300, 212, 500, 44), button, 360, 740).shift).toBe(308);
  });
  it("opens upwards where there is room only above", () => {
    expect(placement(box(8, 212, 190, 100), button, 360, 300).above).toBe(true);
    expect(placement(box(8, 212, 190, 200), button, 360, 300).above).toBe(false);
  });
});
