import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Box } from "../../src/protocol/box.ts";
import { MAX_INPUT_BYTES } from "../../src/protocol/limits.ts";
import { type SessionOptions, TerminalSession, WING_POLL_MS } from "../../src/terminal/session.ts";
import { FakeEnvironment } from "../support/environment.ts";
import { FakePasskeys } from "../support/passkeys.ts";
import { FakeWing, text, utf8, WING_ID } from "../support/wing.ts";

let environment: FakeEnvironment;
let wing: FakeWing;
let trusted: string;
let announced: string;
let shown: string;
const size = { cols: 80, rows: 24 };
const told = { onStarted: vi.fn(), onNotice: vi.fn(), onBandwidthExceeded: vi.fn(), onOpenUrl: vi.fn(), onLoginEnded: vi.fn() };
const ID = "cafe0001";

beforeEach(() => {
  environment = new FakeEnvironment();
  wing = new FakeWing();
  trusted = wing.publicKey;
  announced = "";
  shown = "";
  for (const mock of Object.values(told)) mock.mockReset();
});

function build(options: Partial<SessionOptions> = {}): TerminalSession {
  const session = new TerminalSession({
    wingId: WING_ID,
    url: "ws://node/ws/pty",
    environment,
    trustedKey: () => trusted,
    announcedKey: () => announced,
    agent: "shell",
    passkeys: new FakePasskeys(),
    ...told,
    ...options,
  });
  session.show({
    write: (bytes) => {
      shown += text(bytes);
    },
    size: () => size,
  });
  return session;
}

const phase = (session: TerminalSession) => session.phase.value.name;

/** Answers the last start or attach; gives the wing's box for it. */
function started(extra: object = {}): Box {
  const asked = environment.socket.sent.findLast((m) => m.type === "pty.start" || m.type === "pty.attach");
  environment.socket.receive({
    type: "pty.started",
    session_id: ID,
    agent: "shell",
    public_key: wing.publicKey,
    cwd: "/src",
    ...extra,
  });
  return wing.box(asked?.public_key, "wt-pty");
}

function output(box: Box, bytes: string): void {
  environment.socket.receive({ type: "pty.output", session_id: ID, data: box.seal(utf8(bytes)) });
}

function replay(box: Box, bytes: string): void {
  const data = box.seal(gzipSync(utf8(bytes)));
  environment.socket.receive({ type: "pty.output", session_id: ID, compressed: true, data });
}

function typed(box: Box): string {
  const inputs = environment.socket.sent.filter((message) => message.type === "pty.input");
  return inputs.map((message) => text(box.open(String(message.data)))).join("");
}

describe("starting", () => {
  it("asks for a terminal of the screen's size, then shows output", () => {
    const session = build({ cwd: "/src" });
    environment.socket.accept();
    expect(environment.socket.last("pty.start")).toMatchObject({
      wing_id: WING_ID,
      agent: "shell",
      cols: 80,
      rows: 24,
      cwd: "/src",
    });
    expect(phase(session)).toBe("starting");
    const box = started();
    expect(phase(session)).toBe("live");
    expect(told.onStarted).toHaveBeenCalledWith(ID);
    output(box, "hello");
    expect(shown).toBe("hello");
    expect(session.cwd.value).toBe("/src");
  });

  it("keeps what is typed until the terminal is there", () => {
    const session = build();
    session.input(utf8("l"));
    environment.socket.accept();
    session.input(utf8("s\r"));
    expect(environment.socket.sent.filter((m) => m.type === "pty.input")).toHaveLength(0);
    expect(typed(started())).toBe("ls\r");
  });

  it("keeps no more than it should", () => {
    const session = build();
    environment.socket.accept();
    session.input(new Uint8Array(MAX_INPUT_BYTES));
    session.input(utf8("too much"));
    expect(typed(started())).toHaveLength(MAX_INPUT_BYTES);
  });

  it("does not start a second terminal by itself when the connection breaks meanwhile", () => {
    const session = build();
    environment.socket.accept();
    environment.socket.drop();
    expect(session.phase.value).toMatchObject({ name: "failed" });
    environment.advance(5000);
    environment.socket.accept();
    expect(environment.socket.sent).toHaveLength(0);
    session.again();
    expect(environment.socket.last("pty.start")).toBeDefined();
  });

  it("does not wait for a start when the month's traffic is used up", () => {
    const session = build();
    environment.socket.accept();
    environment.socket.receive({ type: "bandwidth.exceeded", message: "used up" });
    expect(session.phase.value).toEqual({ name: "failed", message: "used up" });
    expect(told.onBandwidthExceeded).toHaveBeenCalledWith("used up");
  });

  it("says why a start was refused", () => {
    const session = build();
    environment.socket.accept();
    environment.socket.receive({ type: "error", message: "The folder does not exist." });
    expect(session.phase.value).toEqual({ name: "failed", message: "The folder does not exist." });
    session.again();
    expect(environment.socket.sent.filter((m) => m.type === "pty.start")).toHaveLength(2);
  });

  it("says why the wing refused", () => {
    const session = build();
    environment.socket.accept();
    environment.socket.receive({ type: "pty.exited", session_id: ID, exit_code: -1, error: "no such folder" });
    expect(session.phase.value).toEqual({ name: "failed", message: "no such folder" });
    session.again();
    started();
    expect(phase(session)).toBe("live");
  });

  it("does not wait for a wing that is not there", () => {
    const session = build();
    environment.socket.accept();
    environment.socket.receive({ type: "error", message: "no wing connected" });
    expect(phase(session)).toBe("failed");
  });
});

describe("attaching", () => {
  it("names the session and repaints from an empty screen", () => {
    const session = build({ sessionId: ID });
    environment.socket.accept();
    expect(environment.socket.last("pty.attach")).toMatchObject({ session_id: ID, cols: 80, rows: 24 });
    const box = started();
    replay(box, "screen");
    output(box, " live");
    expect(shown).toBe("\x1bcscreen live");
    expect(phase(session)).toBe("live");
    expect(told.onStarted).not.toHaveBeenCalled();
  });

  it("attaches again with a new key after a drop; nothing goes out under the old one", () => {
    const session = build();
    environment.socket.accept();
    const old = started();
    const firstKey = environment.socket.last("pty.start").public_key;
    environment.socket.drop();
    expect(phase(session)).toBe("disconnected");
    session.input(utf8("lost"));
    environment.advance(1000);
    environment.socket.accept();
    expect(phase(session)).toBe("attaching");
    expect(environment.socket.last("pty.attach").public_key).not.toBe(firstKey);
    output(old, "under the old key");
    session.input(utf8("ok"));
    const box = started();
    expect(typed(box)).toBe("ok");
    replay(box, "again");
    expect(shown).toBe("\x1bcagain");
  });

  it("waits for an offline wing and comes back on the event, or by asking again", () => {
    const session = build({ sessionId: ID });
    environment.socket.accept();
    environment.socket.receive({ type: "error", message: "wing not found" });
    expect(phase(session)).toBe("wing-offline");
    environment.advance(WING_POLL_MS);
    expect(phase(session)).toBe("attaching");
    started();
    environment.socket.receive({ type: "wing.offline" });
    expect(phase(session)).toBe("wing-offline");
    session.wingOnline();
    expect(phase(session)).toBe("attaching");
    started();
    expect(phase(session)).toBe("live");
    expect(environment.timers).toBe(0);
  });

  it("says when the session is no more", () => {
    const session = build({ sessionId: ID });
    environment.socket.accept();
    environment.socket.receive({ type: "pty.exited", session_id: ID, exit_code: 1, error: "no such session" });
    expect(session.phase.value).toEqual({ name: "exited", exitCode: 1, error: "no such session", asked: false });
    environment.advance(60_000);
    expect(environment.sockets).toHaveLength(1);
  });

  it("ends the login with close code 4001", () => {
    build({ sessionId: ID });
    environment.socket.accept();
    environment.socket.drop(4001);
    expect(told.onLoginEnded).toHaveBeenCalledOnce();
  });
});

describe("a wing's key that changed", () => {
  it("sends nothing until it is accepted", () => {
    trusted = new FakeWing().publicKey;
    const session = build({ sessionId: ID });
    environment.socket.accept();
    session.input(utf8("secret"));
    const box = started();
    expect(session.phase.value).toEqual({ name: "key-changed", offered: wing.publicKey });
    output(box, "hidden");
    session.input(utf8("more"));
    expect(shown).toBe("");
    expect(environment.socket.sent.filter((m) => m.type === "pty.input")).toHaveLength(0);
    trusted = wing.publicKey;
    session.again();
    const trustedBox = started();
    expect(phase(session)).toBe("live");
    expect(typed(trustedBox)).toBe("");
    output(trustedBox, "now");
    expect(shown).toContain("now");
  });

  it("is not even attached to when the server announces it", () => {
    announced = new FakeWing().publicKey;
    const session = build({ sessionId: ID });
    environment.socket.accept();
    session.input(utf8("secret"));
    expect(session.phase.value).toEqual({ name: "key-changed", offered: announced });
    expect(environment.socket.sent).toEqual([]);
    session.again();
    expect(environment.socket.sent).toEqual([]);
    trusted = announced;
    session.again();
    expect(environment.socket.last("pty.attach")).toMatchObject({ session_id: ID });
  });

  it("gets no new terminal either", () => {
    announced = new FakeWing().publicKey;
    const session = build();
    environment.socket.accept();
    expect(phase(session)).toBe("key-changed");
    expect(environment.socket.sent).toEqual([]);
  });

  it("is no matter any more when the known one is announced again", () => {
    announced = new FakeWing().publicKey;
    const session = build({ sessionId: ID });
    environment.socket.accept();
    session.wingOnline();
    expect(phase(session)).toBe("key-changed");
    announced = trusted;
    session.wingOnline();
    expect(phase(session)).toBe("attaching");
    // But one that the wing itself has shown stays a warning, whatever the server says.
    trusted = announced = new FakeWing().publicKey;
    started();
    session.wingOnline();
    expect(phase(session)).toBe("key-changed");
  });
});

describe("a live session", () => {
  let session: TerminalSession;
  let box: Box;
  beforeEach(() => {
    session = build();
    environment.socket.accept();
    box = started();
  });

  it("cuts long input", () => {
    session.input(utf8("x".repeat(MAX_INPUT_BYTES * 2 + 1)));
    expect(environment.socket.sent.filter((m) => m.type === "pty.input")).toHaveLength(3);
    expect(typed(box)).toHaveLength(MAX_INPUT_BYTES * 2 + 1);
  });

  it("sends a new size once", () => {
    session.resize(80, 24);
    session.resize(100, 30);
    session.resize(100, 30);
    expect(environment.socket.sent.filter((m) => m.type === "pty.resize")).toEqual([
      { type: "pty.resize", session_id: ID, cols: 100, rows: 30 },
    ]);
  });

  it("is taken by another browser and taken back", () => {
    environment.socket.receive({ type: "pty.detached", session_id: ID, reason: "taken over" });
    expect(phase(session)).toBe("taken");
    session.input(utf8("no"));
    expect(environment.socket.sent.filter((m) => m.type === "pty.input")).toHaveLength(0);
    environment.socket.drop();
    environment.advance(1000);
    environment.socket.accept();
    expect(phase(session)).toBe("taken");
    expect(environment.socket.sent).toHaveLength(0);
    session.again();
    expect(environment.socket.last("pty.attach")).toMatchObject({ session_id: ID });
  });

  it("ignores messages of other sessions", () => {
    environment.socket.receive({ type: "pty.exited", session_id: "00000000", exit_code: 0 });
    environment.socket.receive({ type: "pty.output", session_id: "00000000", data: box.seal(utf8("x")) });
    expect(phase(session)).toBe("live");
    expect(shown).toBe("");
  });

  it("attaches again once when output cannot be read, then says so", () => {
    environment.socket.receive({ type: "pty.output", session_id: ID, data: "AAAA" });
    expect(phase(session)).toBe("attaching");
    started();
    environment.socket.receive({ type: "pty.output", session_id: ID, data: "AAAA" });
    expect(session.phase.value).toMatchObject({ name: "failed" });
  });

  it("tells of the month's limit by itself: it is no notice that goes away", () => {
    environment.socket.receive({ type: "bandwidth.notice", message: "80 % is used" });
    expect(told.onNotice).toHaveBeenCalledWith("80 % is used");
    told.onNotice.mockClear();
    environment.socket.receive({ type: "bandwidth.exceeded", message: "the limit is reached" });
    expect(told.onBandwidthExceeded).toHaveBeenCalledWith("the limit is reached");
    expect(told.onNotice).not.toHaveBeenCalled();
    expect(phase(session)).toBe("live");
  });

  it("shows errors that belong to it as notices", () => {
    environment.socket.receive({ type: "error", message: "recording stopped: disk full", session_id: ID });
    expect(told.onNotice).toHaveBeenCalledWith("recording stopped: disk full");
    environment.socket.receive({ type: "error", message: "another's", session_id: "00000000" });
    expect(told.onNotice).toHaveBeenCalledOnce();
    expect(phase(session)).toBe("live");
  });

  it("kills, acknowledges and detaches", () => {
    session.acknowledge();
    expect(session.kill()).toBe(true);
    const { sent } = environment.socket;
    session.detach();
    expect(sent.map((message) => message.type).slice(-3)).toEqual(["pty.attention_ack", "pty.kill", "pty.detach"]);
    expect(environment.socket.closedByUs).toBe(true);
  });

  it("hands over a page to open", () => {
    environment.socket.receive({ type: "pty.browser_open", session_id: ID, url: "https://example.org" });
    const data = box.seal(utf8('{"url":"https://example.org/2"}'));
    environment.socket.receive({ type: "pty.preview", session_id: ID, data });
    expect(told.onOpenUrl.mock.calls).toEqual([["https://example.org"], ["https://example.org/2"]]);
  });

  it("reports the exit", () => {
    environment.socket.receive({ type: "pty.exited", session_id: ID, exit_code: 3 });
    expect(session.phase.value).toEqual({ name: "exited", exitCode: 3, error: null, asked: false });
  });

  it("knows an end that was asked for", () => {
    session.kill();
    environment.socket.receive({ type: "pty.exited", session_id: ID, exit_code: 129 });
    expect(session.phase.value).toEqual({ name: "exited", exitCode: 129, error: null, asked: true });
  });
});

describe("a spectator", () => {
  it("never sends input, sizes or commands", () => {
    const session = build({ sessionId: ID, spectate: true });
    environment.socket.accept();
    expect(environment.socket.last("pty.attach")).toMatchObject({ spectate: true });
    const box = started({ viewer_id: "beef0001" });
    replay(box, "seen");
    session.input(utf8("x"));
    session.resize(10, 10);
    session.acknowledge();
    expect(session.kill()).toBe(false);
    session.detach();
    expect(environment.socket.sent).toHaveLength(1);
    expect(shown).toContain("seen");
  });
});
