import { describe, expect, it } from "vitest";
import { accountPage, formatRoute, parseRoute, type Route } from "../../src/state/route.ts";

describe("routes", () => {
  const routes: Route[] = [
    { view: "wings" },
    { view: "terminal", sessionId: "cafe0001", spectate: false },
    { view: "terminal", sessionId: "cafe0001", spectate: true },
    { view: "history", wingId: "aabb" },
    { view: "recording", wingId: "aabb", sessionId: "cafe0001" },
    { view: "terminal", sessionId: "a/b #%", spectate: false },
    { view: "account", section: null, orgId: null },
    { view: "account", section: "sign-in", orgId: null },
    { view: "account", section: "orgs", orgId: "o/1" },
  ];
  it.each(routes)("%j survives the address", (route) => {
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });
  it("keeps the deep link of the protocol", () => {
    expect(parseRoute("#s/cafe0001")).toEqual({ view: "terminal", sessionId: "cafe0001", spectate: false });
  });
  it("keeps to the parts of an account that there are", () => {
    expect(parseRoute("#account/")).toEqual({ view: "account", section: null, orgId: null });
    expect(parseRoute("#account/nothing/o1")).toEqual({ view: "account", section: null, orgId: null });
    expect(parseRoute("#account/usage/o1")).toEqual({ view: "account", section: "usage", orgId: null });
    expect(accountPage("orgs", "o1")).toBe("#account/orgs/o1");
  });
  it.each(["", "#", "#s/", "#x/y", "#s/%E0%A4%A"])("%j is the start page", (hash) => {
    expect(parseRoute(hash)).toEqual({ view: "wings" });
  });
});
