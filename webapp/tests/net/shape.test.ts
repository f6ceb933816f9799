import { describe, expect, it } from "vitest";
import { fields, flag, identifier, list, number, text } from "../../src/net/shape.ts";

describe("what a server answers", () => {
  it.each([null, [], "text", 7, undefined])("%j is no object", (value) => {
    expect(() => fields(value)).toThrow("not understood");
  });
  it.each([null, {}, "text", 7, undefined])("%j is no list", (value) => {
    expect(() => list(value, (entry) => entry)).toThrow("not understood");
  });
  it("keeps of a list what can be read", () => {
    const read = list([{ id: "a" }, null, 7, [], { other: 1 }, { id: 9 }], (entry) => identifier(entry, "id") || null);
    expect(read).toEqual(["a", "9"]);
  });
  it("reads fields of another type as empty", () => {
    const from = { text: 7, number: "7", flag: "true", nan: Number.NaN, id: {} };
    expect([text(from, "text"), number(from, "number"), number(from, "nan"), flag(from, "flag"), identifier(from, "id")]).toEqual([
      "",
      0,
      0,
      false,
      "",
    ]);
    expect([text({}, "toString"), identifier({}, "constructor")]).toEqual(["", ""]);
  });
});
