import { describe, expect, it } from "vitest";
import { barKeySequence, withAlt, withCtrl } from "../../src/terminal/keys.ts";

describe("barKeySequence", () => {
  it("follows the mode of the cursor keys", () => {
    expect(barKeySequence("up", false, false)).toBe("\x1b[A");
    expect(barKeySequence("up", true, false)).toBe("\x1bOA");
    expect(barKeySequence("left", true, true)).toBe("\x1b[1;5D");
    expect(barKeySequence("pgup", false, true)).toBe("\x1b[5;5~");
    expect(barKeySequence("esc", true, false)).toBe("\x1b");
    expect(barKeySequence("tab", false, false)).toBe("\t");
  });
});

describe("withCtrl", () => {
  it.each([
    ["c", "\x03"],
    ["C", "\x03"],
    ["[", "\x1b"],
    [" ", "\x00"],
    ["/", "\x1f"],
    ["?", "\x7f"],
    ["3", "\x1b"],
    ["é", "é"],
    ["", ""],
  ])("%j becomes %j", (typed, sent) => {
    expect(withCtrl(typed)).toBe(sent);
  });
});

describe("withAlt", () => {
  it("puts Escape before", () => {
    expect(withAlt("b")).toBe("\x1bb");
  });
});
