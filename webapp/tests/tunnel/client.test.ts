import { beforeEach, describe, expect, it, vi } from "vitest";
import { newKeyPair } from "../../src/protocol/box.ts";
import { fetchRecording, listFolder, listHistory, listSessions } from "../../src/tunnel/calls.ts";
import { REQUEST_TIMEOUT_MS, TunnelClient, WingRefused, WingUnreachable } from "../../src/tunnel/client.ts";
import { FakeEnvironment } from "../support/environment.ts";
import { FakeWing, text, utf8, WING_ID } from "../support/wing.ts";

let environment: FakeEnvironment;
let wing: FakeWing;
let tunnel: TunnelClient;
const loginEnded = vi.fn();

beforeEach(() => {
  environment = new FakeEnvironment();
  wing = new FakeWing();
  loginEnded.mockReset();
  tunnel = new TunnelClient(WING_ID, wing.publicKey, newKeyPair(), "ws://node/ws/relay", environment, loginEnded);
});

function request(index = -1): { id: string; body: Record<string, unknown>; answer(body: object, extra?: object): void } {
  const sent = environment.socket.sent.at(index);
  if (sent?.type !== "tunnel.req") throw new Error("no request was sent");
  const box = wing.box(sent.sender_pub, "wt-tunnel");
  return {
    id: String(sent.request_id),
    body: JSON.parse(text(box.open(String(sent.payload)))) as Record<string, unknown>,
    answer: (body, extra = { type: "tunnel.res" }) =>
      environment.socket.receive({
        request_id: sent.request_id,
        payload: box.seal(utf8(JSON.stringify(body))),
        ...extra,
      }),
  };
}

describe("TunnelClient", () => {
  it("sends what was asked before the connection was there, encrypted", async () => {
    const answer = listSessions(tunnel);
    expect(environment.socket.sent).toHaveLength(0);
    environment.socket.accept();
    const { body, answer: reply, id } = request();
    expect(body).toEqual({ type: "sessions.list" });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(JSON.stringify(environment.socket.sent)).not.toContain("sessions.list");
    expect(environment.socket.sent[0]).toMatchObject({ wing_id: WING_ID });
    reply({ sessions: null });
    expect(await answer).toEqual([]);
  });

  it("tells answers apart, whatever their order", async () => {
    const first = listFolder(tunnel, "/a", false);
    environment.socket.accept();
    const second = listFolder(tunnel, "/b", true);
    const [one, two] = [request(0), request(1)];
    expect([one.body.hidden, two.body.hidden]).toEqual([undefined, true]);
    two.answer({ entries: [{ name: "b", is_dir: true, path: "/b/b" }] });
    one.answer({ entries: [] });
    expect(await first).toEqual({ entries: [], hidden: false });
    expect((await second).entries[0]?.name).toBe("b");
    one.answer({ entries: [] }); // a second answer to the same request goes nowhere
  });

  it("makes sentences of the wing's refusals", async () => {
    const answer = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    request().answer({ error: "not_allowed" });
    await expect(answer).rejects.toThrow(/locked and you are not on its list/);
    const other = tunnel.request({ type: "wing.info" });
    request().answer({ error: "passkey_required", hostname: "h" });
    await expect(other).rejects.toBeInstanceOf(WingRefused);
  });

  it("gives up after its time", async () => {
    const answer = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    environment.advance(REQUEST_TIMEOUT_MS);
    await expect(answer).rejects.toThrow("The wing does not answer.");
  });

  it("collects a stream; each chunk gives it time again", async () => {
    const progress: number[] = [];
    const recording = fetchRecording(tunnel, "cafe0001", (n) => progress.push(n));
    environment.socket.accept();
    const { answer, body } = request();
    expect(body).toMatchObject({ type: "audit.request", session_id: "cafe0001", kind: "pty" });
    answer({ data: "ab" }, { type: "tunnel.stream" });
    environment.advance(REQUEST_TIMEOUT_MS - 1);
    answer({ data: "c" }, { type: "tunnel.stream" });
    environment.advance(REQUEST_TIMEOUT_MS - 1);
    answer({ done: true }, { type: "tunnel.stream", done: true });
    expect(await recording).toBe("abc");
    expect(progress).toEqual([2, 3]);
    expect(environment.timers).toBe(0);
  });

  it("asks for a long recording part by part where the wing offers it", async () => {
    const recording = fetchRecording(tunnel, "cafe0001", () => undefined);
    environment.socket.accept();
    const first = request();
    expect(first.body.offset).toBeUndefined();
    first.answer({ data: "ab" }, { type: "tunnel.stream" });
    first.answer({ done: true, next: 2 }, { type: "tunnel.stream", done: true });
    await vi.waitFor(() => expect(environment.socket.sent).toHaveLength(2));
    const second = request();
    expect(second.body).toMatchObject({ offset: 2, limit: first.body.limit });
    second.answer({ data: "c" }, { type: "tunnel.stream" });
    second.answer({ done: true }, { type: "tunnel.stream", done: true });
    expect(await recording).toBe("abc");
  });

  it("fails what waits when the connection breaks, and connects again for the next", async () => {
    const lost = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    environment.socket.drop();
    await expect(lost).rejects.toBeInstanceOf(WingUnreachable);
    environment.advance(60_000);
    expect(environment.sockets).toHaveLength(1);
    const next = tunnel.request({ type: "wing.info" });
    expect(environment.sockets).toHaveLength(2);
    environment.socket.accept();
    request().answer({ hostname: "h" });
    expect(await next).toEqual({ hostname: "h" });
  });

  it("reports the end of the login", async () => {
    const lost = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    environment.socket.drop(4001);
    await expect(lost).rejects.toBeInstanceOf(WingUnreachable);
    expect(loginEnded).toHaveBeenCalledOnce();
  });

  it("applies an error to its request, or to all when it names none", async () => {
    const first = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    const second = tunnel.request({ type: "wing.info" });
    environment.socket.receive({ type: "error", message: "no", request_id: request(0).id });
    await expect(first).rejects.toThrow("no");
    environment.socket.receive({ type: "error", message: "wing not found" });
    await expect(second).rejects.toThrow("wing not found");
  });

  it("fails at once when the month's traffic is used up", async () => {
    const first = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    const second = tunnel.request({ type: "wing.info" });
    const exceeded = { type: "bandwidth.exceeded", message: "used up" };
    environment.socket.receive({ ...exceeded, request_id: request(0).id });
    await expect(first).rejects.toThrow("used up");
    environment.socket.receive(exceeded);
    await expect(second).rejects.toThrow("used up");
  });

  it("fails at once when the wing goes offline", async () => {
    const answer = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    environment.socket.receive({ type: "wing.offline" });
    await expect(answer).rejects.toThrow("offline");
  });

  it("refuses an answer made with another key", async () => {
    const answer = tunnel.request({ type: "wing.info" });
    environment.socket.accept();
    const { id } = request();
    const stranger = new FakeWing().box(environment.socket.sent[0]?.sender_pub, "wt-tunnel");
    environment.socket.receive({ type: "tunnel.res", request_id: id, payload: stranger.seal(utf8("{}")) });
    await expect(answer).rejects.toThrow("decrypted");
  });

  it("measures the round trip with a ping, whatever the wing answers, without the time to connect", async () => {
    const measured = tunnel.roundTrip(5000);
    environment.advance(300);
    environment.socket.accept();
    request().answer({ error: "unknown type: ping" });
    await vi.waitFor(() => expect(environment.socket.sent).toHaveLength(2));
    environment.advance(42);
    request().answer({ ok: "true" });
    expect(await measured).toBe(42);
    const again = tunnel.roundTrip(5000);
    expect(environment.socket.sent).toHaveLength(3);
    request().answer({ ok: "true" });
    expect(await again).toBe(0);
  });

  it("takes the number of entries for the total when the wing gives none", async () => {
    const page = listHistory(tunnel, 50, 50);
    environment.socket.accept();
    request().answer({ sessions: [{ session_id: "a", agent: "shell" }] });
    expect((await page).total).toBe(51);
  });
});
