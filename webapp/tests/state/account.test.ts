import { describe, expect, it } from "vitest";
import { addresses, isSection, SECTION_WORDS, SECTIONS, sectionsOf, signInPage } from "../../src/state/account.ts";

describe("the parts of an account", () => {
  it("are all there where people sign in", () => {
    expect(sectionsOf(true)).toEqual(SECTIONS);
    expect(Object.keys(SECTION_WORDS)).toEqual([...SECTIONS]);
  });
  it("are fewer on a server of one", () => {
    expect(sectionsOf(false)).toEqual(["devices", "sessions", "passkeys", "usage", "notifications", "log", "data"]);
  });
  it("are known by name alone", () => {
    expect(isSection("orgs")).toBe(true);
    for (const other of ["", "Orgs", "toString", undefined]) expect(isSection(other)).toBe(false);
  });
});

describe("the way to sign in", () => {
  it("comes back to where one was", () => {
    expect(signInPage("#account/usage")).toBe("/auth/login?next=%2Fapp%2F%23account%2Fusage");
    expect(signInPage("#")).toBe("/auth/login?next=%2Fapp%2F%23");
  });
});

describe("addresses", () => {
  it("come one a line, or between commas, semicolons and spaces, and each once", () => {
    expect(addresses(" a@b.example,\n<C@d.example>; c@D.example\ta@b.example ")).toEqual({
      good: ["a@b.example", "c@D.example"],
      bad: [],
    });
  });
  it("are told apart from what is none", () => {
    expect(addresses("a@b.example ada @b a@ a@b@c")).toEqual({ good: ["a@b.example"], bad: ["ada", "@b", "a@", "a@b@c"] });
    expect(addresses("  ,; ")).toEqual({ good: [], bad: [] });
  });
});
