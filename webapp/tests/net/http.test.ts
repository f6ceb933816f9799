import { describe, expect, it } from "vitest";
import { ApiError, call, retryAfter, webAddress } from "../../src/net/http.ts";
import { FakeServer } from "../support/server.ts";

async function refused(server: FakeServer): Promise<ApiError> {
  const why: unknown = await call("POST", "/x", {}).catch((error: unknown) => error);
  expect(server.asked).toHaveLength(1);
  if (!(why instanceof ApiError)) throw new Error(`no ApiError: ${String(why)}`);
  return why;
}

describe("call", () => {
  it("sends JSON that says so, for that is what a write with the cookie must be", async () => {
    const server = new FakeServer().answers({ ok: true });
    expect(await call("PUT", "/api/x", { a: 1 })).toEqual({ ok: true });
    expect(server.last).toEqual({ method: "PUT", path: "/api/x", body: { a: 1 }, type: "application/json" });
  });

  it("takes an empty answer", async () => {
    new FakeServer().answers("", 204);
    expect(await call("DELETE", "/api/x")).toBeNull();
  });

  it("tells the server's own sentence", async () => {
    const why = await refused(new FakeServer().answers({ error: "the last way in stays" }, 409));
    expect([why.status, why.message, why.retryAfter, why.paymentUrl]).toEqual([409, "the last way in stays", null, null]);
  });

  it.each(["<html>502</html>", "", "null", "[]", '"no"', '{"error": {"code": 7}}'])("makes do with the body %j", async (body) => {
    const why = await refused(new FakeServer().answers(body, 502));
    expect(why.message).toBe("the server answered 502");
  });

  it("tells when it may be tried again", async () => {
    const why = await refused(new FakeServer().answers({ error: "slowly" }, 429, { "Retry-After": "42" }));
    expect(why.retryAfter).toBe(42);
  });

  it("tells where to pay, or to end what is paid", async () => {
    const checkout = { error: "pay first", checkout_url: "https://pay.example/c?x=1" };
    expect((await refused(new FakeServer().answers(checkout, 402))).paymentUrl).toBe("https://pay.example/c?x=1");
    const portal = { error: "it is paid", portal_url: "https://pay.example/p" };
    expect((await refused(new FakeServer().answers(portal, 409))).paymentUrl).toBe("https://pay.example/p");
  });
});

describe("retryAfter", () => {
  const now = Date.parse("2026-11-05T12:00:00Z");
  it("reads seconds and dates", () => {
    expect(retryAfter("0", now)).toBe(0);
    expect(retryAfter("17", now)).toBe(17);
    expect(retryAfter("Thu, 05 Nov 2026 12:01:30 GMT", now)).toBe(90);
    expect(retryAfter("Thu, 05 Nov 2026 11:00:00 GMT", now)).toBe(0);
  });
  it.each([null, "", "soon", "-5x"])("%j tells nothing", (header) => {
    expect(retryAfter(header, now)).toBeNull();
  });
});

describe("webAddress", () => {
  it("takes pages alone", () => {
    expect(webAddress("https://a.example/b")).toBe("https://a.example/b");
    expect(webAddress("http://127.0.0.1:9/b")).toBe("http://127.0.0.1:9/b");
  });
  it.each(["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "/here", "", 7, null, undefined])("%j is none", (value) => {
    expect(webAddress(value)).toBeNull();
  });
});
