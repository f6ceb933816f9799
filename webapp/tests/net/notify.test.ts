import { describe, expect, it } from "vitest";
import { notifyEvents, ntfyApi, push } from "../../src/net/notify.ts";
import { FakeServer } from "../support/server.ts";

describe("notifications", () => {
  it.each([
    ["attention,exit", ["attention", "exit"]],
    [" exit , attention ", ["attention", "exit"]],
    [["exit", "unheard-of"], ["exit"]],
    ["", []],
    [null, []],
    [7, []],
  ])("events %j are %j", (told, events) => {
    expect(notifyEvents(told)).toEqual(events);
  });

  it("keep the topic and the events, and never tell the token", async () => {
    const server = new FakeServer()
      .answers({ topic: "t", token: "", has_token: true, events: "exit", server: "https://ntfy.example" })
      .answers({ ok: true })
      .answers({ ok: true });
    expect(await ntfyApi.get()).toEqual({ topic: "t", hasToken: true, events: ["exit"], server: "https://ntfy.example/" });
    await ntfyApi.save({ topic: "t", token: "", events: ["attention", "exit"] });
    expect(server.last.body).toEqual({ topic: "t", token: "", events: "attention,exit" });
    await ntfyApi.save({ topic: "", token: null, events: [] });
    expect(server.last.body).toEqual({ topic: "", token: null, events: "" });
  });

  it("take a browser away that may be gone already", async () => {
    const server = new FakeServer().answers("", 204).answers({ error: "no such" }, 404).answers({ error: "away" }, 503);
    await push.remove("a/b");
    expect(server.last).toMatchObject({ method: "DELETE", path: "/api/app/push/a%2Fb" });
    await push.remove("a");
    await expect(push.remove("a")).rejects.toThrow("away");
  });

  it("know the browsers that are told", async () => {
    new FakeServer().answers({ key: "BPk", events: "attention", subscriptions: [{ id: 3, agent: "x", created_at: 9 }, {}] });
    expect(await push.get()).toEqual({
      key: "BPk",
      events: ["attention"],
      subscriptions: [{ id: "3", agent: "x", createdAt: 9 }],
    });
  });
});
