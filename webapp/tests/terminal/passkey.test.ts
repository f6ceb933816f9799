import { beforeEach, describe, expect, it, vi } from "vitest";
import { PasskeyProblem } from "../../src/passkey/problem.ts";
import { decodeBase64Url } from "../../src/protocol/base64.ts";
import { CHECK_MS } from "../../src/terminal/passkey-step.ts";
import { type SessionOptions, TerminalSession } from "../../src/terminal/session.ts";
import { FakeEnvironment } from "../support/environment.ts";
import { cancelled, challengeFor, FakePasskeys, OTHER_TOKEN, SIGNED, TOKEN } from "../support/passkeys.ts";
import { FakeWing, text, utf8, WING_ID } from "../support/wing.ts";

const ID = "cafe0001";
let environment: FakeEnvironment;
let wing: FakeWing;
let passkeys: FakePasskeys;
let shown: string;
const told = {
  onStarted: vi.fn(),
  onNotice: vi.fn(),
  onBandwidthExceeded: vi.fn(),
  onOpenUrl: vi.fn(),
  onLoginEnded: vi.fn(),
};

beforeEach(() => {
  environment = new FakeEnvironment();
  wing = new FakeWing();
  passkeys = new FakePasskeys();
  shown = "";
  for (const mock of Object.values(told)) mock.mockReset();
});

function build(options: Partial<SessionOptions> = {}): TerminalSession {
  const session = new TerminalSession({
    wingId: WING_ID,
    url: "ws://node/ws/pty",
    environment,
    trustedKey: () => wing.publicKey,
    announcedKey: () => "",
    agent: "shell",
    passkeys,
    ...told,
    ...options,
  });
  session.show({
    write: (bytes) => {
      shown += text(bytes);
    },
    size: () => ({ cols: 80, rows: 24 }),
  });
  environment.socket.accept();
  return session;
}

const sent = (type: string) => environment.socket.sent.filter((message) => message.type === type);
const asked = () => environment.socket.sent.findLast((m) => m.type === "pty.start" || m.type === "pty.attach");
const receive = (message: object) => environment.socket.receive(message);
const refuse = (error: string, sessionId = ID) =>
  receive({ type: "pty.exited", session_id: sessionId, exit_code: -1, error });

/** The wing asks; `sessionId` is what the node has called the session. */
function challenge(sessionId = ID, changes: object = {}): void {
  receive({ ...challengeFor(sessionId, asked()?.public_key, wing.publicKey), ...changes });
}

function started(token?: string, sessionId = ID): void {
  const sealed = token ? wing.box(asked()?.public_key, "wt-passkey").seal(utf8(token)) : undefined;
  const public_key = wing.publicKey;
  receive({ type: "pty.started", session_id: sessionId, agent: "shell", public_key, sealed_token: sealed });
}

/** The token that went with the last start or attach, as the wing reads it. */
function shownToken(): string {
  const { sealed_token: sealed, public_key: key } = asked() ?? {};
  return sealed === "" ? "" : text(wing.box(key, "wt-passkey").open(String(sealed)));
}

describe("a locked wing", () => {
  it("is answered when the person presses the button, and gives a token", async () => {
    const session = build();
    expect(asked()).toMatchObject({ type: "pty.start", sealed_token: "" });
    challenge(ID, { keys: ["a key"] });
    expect(session.phase.value).toEqual({ name: "passkey", at: "waiting", problem: null });
    expect(passkeys.prompts).toHaveLength(0);
    session.usePasskey();
    expect(session.phase.value).toMatchObject({ at: "prompt" });
    expect(passkeys.prompt.keys).toEqual(["a key"]);
    await passkeys.prompt.use();
    expect(sent("passkey.response")).toEqual([{ type: "passkey.response", session_id: ID, ...SIGNED }]);
    expect(session.phase.value).toMatchObject({ at: "checking" });
    started(TOKEN);
    expect(session.phase.value).toEqual({ name: "live" });
    expect(passkeys.kept).toBe(TOKEN);
    expect(told.onStarted).toHaveBeenCalledWith(ID);
    expect(environment.timers).toBe(0);
    expect(JSON.stringify(environment.socket.sent)).not.toContain("auth_token");
  });

  it("is answered at once after a click", async () => {
    passkeys.pressed = true;
    const session = build();
    challenge();
    expect(session.phase.value).toMatchObject({ name: "passkey", at: "prompt" });
    await passkeys.prompt.use();
    expect(sent("passkey.response")).toHaveLength(1);
  });

  it("signs what the wing asked, once, however often the button is pressed", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    session.usePasskey();
    expect(passkeys.prompts).toHaveLength(1);
    const { challenge: question } = challengeFor(ID, asked()?.public_key, wing.publicKey);
    expect(passkeys.prompt.challenge).toEqual(decodeBase64Url(String(question)));
    await passkeys.prompt.use();
    session.usePasskey();
    expect(sent("passkey.response")).toHaveLength(1);
  });

  it("shows what it printed only after it let us in, and gets nothing of what was typed before", async () => {
    const session = build();
    session.input(utf8("typed too early"));
    challenge();
    session.input(utf8("typed at the prompt"));
    session.usePasskey();
    await passkeys.prompt.use();
    started(TOKEN);
    expect(sent("pty.input")).toHaveLength(0);
    session.input(utf8("ls"));
    const box = wing.box(asked()?.public_key, "wt-pty");
    expect(text(box.open(String(sent("pty.input")[0]?.data)))).toBe("ls");
    receive({ type: "pty.output", session_id: ID, data: box.seal(utf8("hello")) });
    expect(shown).toBe("hello");
  });
});

describe("a question that is not meant for this browser", () => {
  it.each([
    ["has no nonce", { nonce: undefined }, /too old, or the server/],
    ["is of another session", { session_id: "beef0002" }, /not made for this browser/],
    ["was altered", { challenge: "AAAA" }, /not made for this browser/],
    ["has a short nonce", { nonce: "AAAA" }, /not made for this browser/],
    ["has a nonce that is none", { nonce: "*" }, /not made for this browser/],
  ])("is not signed when it %s", (_what, changes, sentence) => {
    passkeys.pressed = true;
    const session = build();
    challenge(ID, changes);
    expect(session.phase.value).toMatchObject({ name: "failed", message: expect.stringMatching(sentence) as string });
    expect(passkeys.prompts).toHaveLength(0);
    session.usePasskey();
    expect(passkeys.prompts).toHaveLength(0);
  });

  it("is not signed when a node asks with its own key, or that of another browser", () => {
    passkeys.pressed = true;
    const session = build();
    receive(challengeFor(ID, asked()?.public_key, new FakeWing().publicKey));
    expect(session.phase.value.name).toBe("failed");
    session.again();
    receive(challengeFor("cafe0002", new FakeWing().publicKey, wing.publicKey));
    expect(session.phase.value.name).toBe("failed");
    expect(passkeys.prompts).toHaveLength(0);
  });

  it("is no question at all when nobody has asked for a terminal", () => {
    const session = build();
    started();
    challenge();
    expect(session.phase.value.name).toBe("live");
  });
});

describe("a passkey that is not used", () => {
  it("can be tried again on the same question", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.fail(cancelled());
    expect(session.phase.value).toMatchObject({ name: "passkey", at: "waiting", problem: { kind: "cancelled" } });
    expect(sent("passkey.response")).toHaveLength(0);
    session.usePasskey();
    expect(session.phase.value).toMatchObject({ at: "prompt", problem: null });
    await passkeys.prompt.use();
    expect(sent("passkey.response")).toHaveLength(1);
    expect(sent("pty.start")).toHaveLength(1);
  });

  it("says when there is none", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.fail(new PasskeyProblem("none", "You have no passkey yet."));
    expect(session.phase.value).toMatchObject({ problem: { kind: "none", message: "You have no passkey yet." } });
  });

  it("tells the wing that no answer will come when the terminal is closed", () => {
    const session = build();
    challenge();
    session.usePasskey();
    const { signal } = passkeys.prompt;
    session.detach();
    expect(sent("passkey.response")).toMatchObject([{ session_id: ID, signature: "" }]);
    expect(signal.aborted).toBe(true);
    expect(environment.socket.closedByUs).toBe(true);
  });

  it("is asked for anew after the wing's time is over, with one press", async () => {
    const session = build();
    challenge();
    refuse("passkey_required");
    expect(session.phase.value).toEqual({ name: "passkey", at: "waiting", problem: null });
    session.usePasskey();
    expect(sent("pty.start")).toHaveLength(2);
    challenge("cafe0002");
    expect(session.phase.value).toMatchObject({ at: "prompt" });
    await passkeys.prompt.use();
    expect(sent("passkey.response")).toMatchObject([{ session_id: "cafe0002" }]);
  });

  it("has its prompt taken away when the wing waits no more", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    const { signal } = passkeys.prompt;
    refuse("passkey_required");
    expect(signal.aborted).toBe(true);
    await passkeys.prompt.use();
    expect(session.phase.value).toMatchObject({ at: "waiting", problem: { kind: "late" } });
    expect(sent("passkey.response")).toHaveLength(0);
  });

  it("does not come to a prompt long after the press that was for it", () => {
    const session = build();
    challenge();
    refuse("passkey_required");
    session.usePasskey();
    environment.advance(60_000);
    challenge("cafe0002");
    expect(session.phase.value).toMatchObject({ at: "waiting" });
  });
});

describe("a passkey that the wing does not take", () => {
  it("is said with the wing's own reason; another can be tried", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.use();
    refuse("the passkey was not accepted: it is none of the passkeys that count here");
    const message = "The passkey was not accepted: it is none of the passkeys that count here.";
    expect(session.phase.value).toMatchObject({ name: "passkey", at: "waiting", problem: { kind: "refused", message } });
    session.usePasskey();
    challenge("cafe0002");
    await passkeys.prompt.use();
    started(TOKEN, "cafe0002");
    expect(session.phase.value.name).toBe("live");
  });

  it("is not asked for from who is not on the list: they are told whom to ask", () => {
    const session = build();
    refuse("not_allowed");
    expect(session.phase.value).toEqual({ name: "failed", message: "Ask Ada to add you." });
  });

  it("leaves a failure as it is when the wing's refusal comes late", () => {
    const session = build();
    challenge(ID, { nonce: undefined });
    refuse("passkey_required");
    expect(session.phase.value.name).toBe("failed");
  });
});

describe("a wing that never answers", () => {
  it("is given up on, and asked anew by the next press", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.use();
    environment.advance(CHECK_MS);
    expect(session.phase.value).toMatchObject({ at: "waiting", problem: { kind: "late" } });
    session.usePasskey();
    expect(sent("pty.start")).toHaveLength(2);
    // What it says of the first start now is of no meaning any more.
    refuse("passkey_required");
    started(TOKEN);
    expect(session.phase.value.name).toBe("starting");
    started(OTHER_TOKEN, "cafe0002");
    expect(session.phase.value.name).toBe("live");
    expect(session.sessionId).toBe("cafe0002");
  });

  it("may still let us in when it was only slow", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.use();
    environment.advance(CHECK_MS);
    started(TOKEN);
    expect(session.phase.value.name).toBe("live");
  });

  it("may have gone offline", () => {
    const session = build({ sessionId: ID });
    challenge();
    session.usePasskey();
    const { signal } = passkeys.prompt;
    receive({ type: "wing.offline" });
    expect(session.phase.value.name).toBe("wing-offline");
    expect(signal.aborted).toBe(true);
    session.wingOnline();
    expect(sent("pty.attach")).toHaveLength(2);
  });

  it("is not heard because of the node, which says why", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.use();
    receive({ type: "error", message: "this session is not open", session_id: ID });
    expect(session.phase.value).toMatchObject({ at: "waiting", problem: { message: "this session is not open" } });
  });
});

describe("a connection that breaks", () => {
  it("does not ask again by itself while the person is to decide", () => {
    const session = build({ sessionId: ID });
    challenge();
    session.usePasskey();
    const { signal } = passkeys.prompt;
    environment.socket.drop();
    expect(signal.aborted).toBe(true);
    expect(session.phase.value).toMatchObject({ name: "passkey", at: "waiting", problem: { kind: "late" } });
    environment.advance(1000);
    environment.socket.accept();
    expect(environment.socket.sent).toHaveLength(0);
    session.usePasskey();
    expect(sent("pty.attach")).toHaveLength(1);
  });

  it("ends a start that was answered: whether there is a terminal now is not known", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.use();
    environment.socket.drop();
    expect(session.phase.value).toMatchObject({ name: "failed" });
    environment.advance(60_000);
    environment.socket.accept();
    expect(environment.socket.sent).toHaveLength(0);
  });

  it("ends the login here too", () => {
    build({ sessionId: ID });
    challenge();
    environment.socket.drop(4001);
    expect(told.onLoginEnded).toHaveBeenCalledOnce();
  });

  it("needs no passkey again with a token that counts", async () => {
    const session = build();
    challenge();
    session.usePasskey();
    await passkeys.prompt.use();
    started(TOKEN);
    environment.socket.drop();
    environment.advance(1000);
    environment.socket.accept();
    expect(asked()).toMatchObject({ type: "pty.attach", session_id: ID });
    expect(shownToken()).toBe(TOKEN);
    expect(JSON.stringify(environment.socket.sent)).not.toContain(TOKEN);
    started();
    expect(session.phase.value.name).toBe("live");
    expect(passkeys.prompts).toHaveLength(1);
    expect(passkeys.kept).toBe(TOKEN);
  });
});

describe("a token", () => {
  it("that has expired is dropped, and the passkey asked for again", async () => {
    passkeys.kept = TOKEN;
    const session = build({ sessionId: ID });
    expect(shownToken()).toBe(TOKEN);
    challenge();
    expect(passkeys.dropped).toEqual([TOKEN]);
    session.usePasskey();
    await passkeys.prompt.use();
    started(OTHER_TOKEN);
    expect(passkeys.kept).toBe(OTHER_TOKEN);
    expect(session.phase.value.name).toBe("live");
  });

  it("that is not for this browser is not kept", () => {
    const session = build();
    const sealed = wing.box(new FakeWing().publicKey, "wt-passkey").seal(utf8(TOKEN));
    receive({ type: "pty.started", session_id: ID, agent: "", public_key: wing.publicKey, sealed_token: sealed });
    expect(session.phase.value.name).toBe("live");
    expect(passkeys.kept).toBe("");
  });

  it("that comes in the clear is not taken", () => {
    build();
    receive({ type: "pty.started", session_id: ID, agent: "", public_key: wing.publicKey, auth_token: TOKEN });
    expect(passkeys.kept).toBe("");
  });

  it("does not count any more when the wing is locked during a session: the session waits", async () => {
    passkeys.kept = TOKEN;
    const session = build({ sessionId: ID });
    started();
    refuse("passkey_required");
    expect(session.phase.value).toEqual({ name: "passkey", at: "waiting", problem: null });
    expect(passkeys.dropped).toEqual([TOKEN]);
    session.input(utf8("x"));
    expect(sent("pty.input")).toHaveLength(0);
    session.usePasskey();
    expect(sent("pty.attach")).toHaveLength(2);
    challenge();
    await passkeys.prompt.use();
    expect(sent("passkey.response")).toHaveLength(1);
  });

  it("is of no use to who is taken off the list during a session", () => {
    const session = build({ sessionId: ID });
    started();
    refuse("not_allowed");
    expect(session.phase.value).toMatchObject({ name: "failed", message: "Ask Ada to add you." });
  });
});

describe("a spectator", () => {
  it("unlocks through the tunnel, then watches", async () => {
    const session = build({ sessionId: ID, spectate: true });
    receive({ type: "pty.exited", session_id: ID, viewer_id: "beef0001", exit_code: -1, error: "passkey_required" });
    expect(session.phase.value).toEqual({ name: "passkey", at: "waiting", problem: null });
    session.usePasskey();
    expect(session.phase.value).toMatchObject({ at: "prompt" });
    const [unlock] = passkeys.unlocks;
    await unlock?.fail(cancelled());
    expect(session.phase.value).toMatchObject({ at: "waiting", problem: { kind: "cancelled" } });
    session.usePasskey();
    passkeys.kept = TOKEN;
    await passkeys.unlocks[1]?.use();
    expect(asked()).toMatchObject({ type: "pty.attach", spectate: true });
    expect(shownToken()).toBe(TOKEN);
    started();
    expect(session.phase.value.name).toBe("live");
    expect(sent("passkey.response")).toHaveLength(0);
  });
});
