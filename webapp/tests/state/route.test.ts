import { describe, expect, it } from "vitest";
import { formatRoute, parseRoute, type Route } from "../../src/state/route.ts";

describe("routes", () => {
  const routes: Route[] = [
    { view: "wings" },
    { view: "terminal", sessionId: "cafe0001", spectate: false },
    { view: "terminal", sessionId: "cafe0001", spectate: true },
    { view: "history", wingId: "aabb" },
    { view: "recording", wingId: "aabb", sessionId: "cafe0001" },
    { view: "terminal", sessionId: "a/b #%", spectate: false },
  ];
  it.each(routes)("%j survives the address", (route) => {
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });
  it("keeps the deep link of the protocol", () => {
    expect(parseRoute("#s/cafe0001")).toEqual({ view: "terminal", sessionId: "cafe0001", spectate: false });
  });
  it.each(["", "#", "#s/", "#x/y", "#s/%E0%A4%A"])("%j is the start page", (hash) => {
    expect(parseRoute(hash)).toEqual({ view: "wings" });
  });
});
