import { describe, expect, it } from "vitest";
import { account, readLog } from "../../src/net/account.ts";
import { FakeServer } from "../support/server.ts";

describe("the account", () => {
  it("reads usage with its days", async () => {
    new FakeServer().answers({
      tier: "free",
      usage_bytes: 900,
      cap_bytes: 1000,
      exceeded: false,
      notice: true,
      month: "2026-11",
      resets_at: 1_796_083_200,
      days: [{ day: "2026-11-03", bytes: 900 }],
      via_org: "",
    });
    expect(await account.usage()).toEqual({
      tier: "free",
      bytes: 900,
      cap: 1000,
      exceeded: false,
      notice: true,
      month: "2026-11",
      resetsAt: 1_796_083_200,
      days: [{ day: "2026-11-03", bytes: 900 }],
      viaOrg: "",
    });
  });

  it("reads the usage that protocol.md has alone: no limit, no days", async () => {
    new FakeServer().answers({ tier: "pro", usage_bytes: 5, cap_bytes: null, exceeded: false });
    expect(await account.usage()).toMatchObject({ bytes: 5, cap: null, days: [], month: "", resetsAt: 0 });
  });

  it("keeps a limit of nothing apart from none", async () => {
    new FakeServer().answers({ tier: "free", usage_bytes: 0, cap_bytes: 0 });
    expect((await account.usage()).cap).toBe(0);
  });

  it("reads machines, and leaves out what could not be revoked", async () => {
    new FakeServer().answers([
      { id: "j1", wing_id: "w", issued_at: 1, expires_at: 2, used_at: 3 },
      { wing_id: "no id" },
      { id: "j2" },
    ]);
    expect(await account.devices()).toEqual([
      { id: "j1", wingId: "w", issuedAt: 1, expiresAt: 2, usedAt: 3 },
      { id: "j2", wingId: "", issuedAt: 0, expiresAt: 0, usedAt: 0 },
    ]);
  });

  it("takes no browser for this one that is not said to be", async () => {
    new FakeServer().answers([{ id: "a", current: true }, { id: "b", current: "yes" }, { id: "c" }]);
    expect((await account.sessions()).map(({ current }) => current)).toEqual([true, false, false]);
  });

  it("puts ids into addresses so that they stay one part", async () => {
    const server = new FakeServer().answers("", 204).answers("", 204);
    await account.revokeSession("a/../b?c");
    await account.unlink("7/8");
    expect(server.asked.map(({ path }) => path)).toEqual(["/api/app/sessions/a%2F..%2Fb%3Fc", "/api/app/methods/7%2F8"]);
  });

  it("links by going somewhere, or by a message", async () => {
    const server = new FakeServer().answers({ location: "https://github.example/authorize" }).answers({ sent: true });
    expect(await account.link("github")).toBe("https://github.example/authorize");
    expect(server.last.body).toEqual({});
    expect(await account.link("email", "a@b.example")).toBe("");
    expect(server.last).toMatchObject({ path: "/api/app/methods/email/link", body: { email: "a@b.example" } });
  });

  it("asks for the page of a log after the last entry", async () => {
    const entry = { id: 12, at: 1.5, action: "signed in", account: "u1", account_name: "Ada", actor: "u1", who: "Ada" };
    const server = new FakeServer().answers([entry]).answers([]);
    expect(await readLog("/api/app/audit", "")).toEqual([
      { id: "12", at: 1.5, action: "signed in", subject: "", address: "", who: "Ada", about: "" },
    ]);
    await readLog("/api/app/audit", "12");
    expect(server.asked.map(({ path }) => path)).toEqual(["/api/app/audit", "/api/app/audit?before=12"]);
  });

  it("says whom an entry of a log is about, where that is not who did it", async () => {
    const entry = { id: 1, action: "removed from organisation", who: "Ada", actor: "u1", account_name: "Bob" };
    new FakeServer().answers([{ ...entry, account: "u2" }]).answers([{ id: 1, action: "plan", actor: "operator:" }]);
    expect(await readLog("/api/orgs/o1/audit", "")).toMatchObject([{ who: "Ada", about: "Bob" }]);
    expect(await readLog("/api/orgs/o1/audit", "")).toMatchObject([{ about: "" }]);
  });

  it("sends what was typed to delete the account", async () => {
    const server = new FakeServer().answers("", 204);
    await account.remove("ada@example.org");
    expect(server.last).toMatchObject({ method: "DELETE", path: "/api/app/account", body: { confirm: "ada@example.org" } });
  });
});
