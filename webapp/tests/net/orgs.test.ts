import { describe, expect, it } from "vitest";
import { orgLog, orgs } from "../../src/net/orgs.ts";
import { FakeServer } from "../support/server.ts";

const ORG = { id: "o1", slug: "acme", name: "Acme", role: "admin", members: 2, invites: 1, plan: "pro", seats: 3 };

describe("organisations", () => {
  it("are read with the part that the person has in them", async () => {
    new FakeServer().answers([ORG, { ...ORG, id: "o2", role: "owner" }, { name: "no id" }]);
    const [acme, second, ...rest] = await orgs.list();
    expect(acme).toMatchObject({ id: "o1", role: "admin", isOwner: false, members: 2, plan: "pro", seats: 3 });
    expect(second).toMatchObject({ id: "o2", isOwner: true });
    expect(rest).toEqual([]);
  });

  it("give nobody more than a member's part for a role that is not known", async () => {
    new FakeServer().answers({ ...ORG, role: "emperor" }).answers([{ user_id: "u", role: 7 }]);
    expect(await orgs.get("o1")).toMatchObject({ role: "member", isOwner: false });
    expect(await orgs.members("o1")).toMatchObject([{ userId: "u", name: "u", role: "member" }]);
  });

  it("call somebody without a name by their address", async () => {
    new FakeServer().answers([{ user_id: "u", email: "a@b.example", role: "member" }]);
    expect((await orgs.members("o1"))[0]?.name).toBe("a@b.example");
  });

  it("are not taken on trust when the server says something else", async () => {
    new FakeServer().answers({ ok: true }).answers("null");
    await expect(orgs.create("Acme")).rejects.toThrow("did not name");
    await expect(orgs.list()).rejects.toThrow("not understood");
  });

  it("invite, and show links that are links", async () => {
    const server = new FakeServer().answers({
      invited: [
        { email: "a@b.example", link: "https://wt.example/invite/t", mailed: true },
        { email: "c@d.example", link: "javascript:alert(1)" },
      ],
    });
    expect(await orgs.invite("o1", ["a@b.example", "c@d.example"], "member")).toEqual([
      { email: "a@b.example", link: "https://wt.example/invite/t", mailed: true },
      { email: "c@d.example", link: "", mailed: false },
    ]);
    expect(server.last).toMatchObject({
      method: "POST",
      path: "/api/orgs/o1/invite",
      body: { emails: ["a@b.example", "c@d.example"], role: "member" },
    });
  });

  it("are changed at the addresses of the contract", async () => {
    const server = new FakeServer();
    for (let i = 0; i < 8; i++) server.answers({ ok: true });
    await orgs.rename("o1", "New");
    await orgs.setRole("o1", "u/2", "admin");
    await orgs.transfer("o1", "u2");
    await orgs.removeMember("o1", "u2");
    await orgs.revokeInvite("o1", "i1");
    await orgs.upgrade("o1", 5);
    await orgs.cancel("o1");
    await orgs.remove("o1");
    expect(server.asked.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["PUT", "/api/orgs/o1", { name: "New" }],
      ["PUT", "/api/orgs/o1/members/u%2F2", { role: "admin" }],
      ["POST", "/api/orgs/o1/transfer", { user_id: "u2" }],
      ["DELETE", "/api/orgs/o1/members/u2", undefined],
      ["POST", "/api/orgs/o1/invites/i1/revoke", {}],
      ["POST", "/api/orgs/o1/upgrade", { seats: 5 }],
      ["POST", "/api/orgs/o1/cancel", {}],
      ["DELETE", "/api/orgs/o1", undefined],
    ]);
    expect(orgLog("o/1")).toBe("/api/orgs/o%2F1/audit");
  });
});
