import { describe, expect, it } from "vitest";
import { shortcutOf } from "../../src/ui/shortcuts.ts";

const keys = (code: string, held: string, key = "") => ({
  code,
  key,
  ctrlKey: held.includes("c"),
  shiftKey: held.includes("s"),
  altKey: held.includes("a"),
  metaKey: held.includes("m"),
});

describe("shortcutOf", () => {
  it("knows its combinations", () => {
    expect(shortcutOf(keys("KeyC", "cs"))).toBe("copy");
    expect(shortcutOf(keys("KeyF", "cs"))).toBe("find");
    expect(shortcutOf(keys("Equal", "cs"))).toBe("larger");
    expect(shortcutOf(keys("ArrowLeft", "as", "ArrowLeft"))).toBe("previous-tab");
  });
  it("leaves everything else to the program", () => {
    expect(shortcutOf(keys("KeyC", "c"))).toBeNull();
    expect(shortcutOf(keys("KeyC", "csa"))).toBeNull();
    expect(shortcutOf(keys("KeyF", ""))).toBeNull();
    expect(shortcutOf(keys("ArrowLeft", "a", "ArrowLeft"))).toBeNull();
    expect(shortcutOf(keys("KeyV", "m"))).toBeNull();
  });
});
