import { beforeEach, describe, expect, it, vi } from "vitest";
import { WingPasskeys } from "../../src/passkey/wing-passkeys.ts";
import { boundChallenge } from "../../src/passkey/binding.ts";
import { encodeBase64Url } from "../../src/protocol/base64.ts";
import { type KeyPair, newKeyPair } from "../../src/protocol/box.ts";
import { REQUEST_TIMEOUT_MS, TunnelClient } from "../../src/tunnel/client.ts";
import { FakeEnvironment } from "../support/environment.ts";
import { cancelled, FakeAuthenticator, OTHER_TOKEN, SIGNED, TOKEN } from "../support/passkeys.ts";
import { FakeWing, text, utf8, WING_ID } from "../support/wing.ts";

let environment: FakeEnvironment;
let wing: FakeWing;
let tunnel: TunnelClient | null;
let authenticator: FakeAuthenticator;
let passkeys: WingPasskeys;
const unlocked = vi.fn();
let QUESTION: Record<string, unknown>;
let keys: KeyPair;

/** As a wing of ours asks through the tunnel. */
function question(number = 1, wingPublic = wing.publicKey): Record<string, unknown> {
  const nonce = new Uint8Array(32).fill(number);
  const challenge = boundChallenge(nonce, { browserPublic: keys.publicKey, wingPublic }, null);
  return {
    challenge: encodeBase64Url(challenge),
    nonce: encodeBase64Url(nonce),
    expires_in: 60,
    keys: ["my key"],
  };
}

beforeEach(() => {
  environment = new FakeEnvironment();
  wing = new FakeWing();
  keys = newKeyPair();
  QUESTION = question();
  authenticator = new FakeAuthenticator();
  unlocked.mockReset();
  passkeys = new WingPasskeys({
    list: () => Promise.resolve([{ credentialId: "AQ", publicKey: "my key" }]),
    authenticator,
    now: () => environment.now(),
    gesture: () => true,
    tunnel: () => tunnel,
    trustedKey: () => wing.publicKey,
    owner: () => "Ada",
    onUnlocked: unlocked,
  });
  tunnel = new TunnelClient(
    WING_ID,
    wing.publicKey,
    keys,
    "ws://node/ws/relay",
    environment,
    () => undefined,
    passkeys.tunnelToken(WING_ID, wing.publicKey),
  );
});

type Body = Record<string, unknown>;

/** The last request, as the wing reads it, once it is one of this type. */
async function request(type: string): Promise<{ body: Body; answer(body: object): void }> {
  return await vi.waitFor(() => {
    if (environment.socket.readyState === 0) environment.socket.accept();
    const sent = environment.socket.last("tunnel.req");
    const box = wing.box(sent.sender_pub, "wt-tunnel");
    const body = JSON.parse(text(box.open(String(sent.payload)))) as Body;
    expect(body.type).toBe(type);
    const answer = (reply: object) =>
      environment.socket.receive({
        type: "tunnel.res",
        request_id: sent.request_id,
        payload: box.seal(utf8(JSON.stringify(reply))),
      });
    return { body, answer };
  });
}

const unlock = () => passkeys.unlock(WING_ID, new AbortController().signal);

async function prompt(count = 1) {
  await vi.waitFor(() => expect(authenticator.prompts).toHaveLength(count));
  const last = authenticator.prompts.at(-1);
  if (!last) throw new Error("nobody was asked to sign");
  return last;
}

describe("unlocking a wing through the tunnel", () => {
  it("signs the wing's challenge; its token goes with every request then", async () => {
    const unlocking = unlock();
    (await request("passkey.challenge")).answer(QUESTION);
    const shown = await prompt();
    expect(encodeBase64Url(shown.challenge)).toBe(QUESTION.challenge);
    await shown.use();
    const { body, answer } = await request("passkey.auth");
    expect(body).toEqual({ type: "passkey.auth", ...SIGNED });
    answer({ auth_token: TOKEN, expires_in: null });
    await unlocking;
    expect(unlocked).toHaveBeenCalledWith(WING_ID);
    expect(passkeys.session(WING_ID).token()).toBe(TOKEN);
    void tunnel?.request({ type: "wing.info" });
    expect((await request("wing.info")).body).toEqual({ type: "wing.info", auth_token: TOKEN });
  });

  it("signs no question that another wing, or another browser, was asked", async () => {
    const bare = { ...question(), nonce: undefined };
    const others = question(1, new FakeWing().publicKey);
    const made = question();
    keys = newKeyPair();
    for (const asked of [bare, others, question(), { ...made, challenge: "AQID" }, { ...made, nonce: "AQID" }]) {
      const unlocking = unlock();
      (await request("passkey.challenge")).answer(asked);
      await expect(unlocking).rejects.toMatchObject({ kind: "refused" });
    }
    expect(authenticator.prompts).toHaveLength(0);
  });

  it("keeps the question after a prompt that was not used, so that the next follows the click at once", async () => {
    const first = unlock();
    (await request("passkey.challenge")).answer(QUESTION);
    await (await prompt()).fail(cancelled());
    await expect(first).rejects.toMatchObject({ kind: "cancelled" });
    const second = unlock();
    await (await prompt(2)).use();
    (await request("passkey.auth")).answer({ auth_token: TOKEN });
    await second;
    expect(environment.socket.sent).toHaveLength(2);
  });

  it("asks for another question when the first is too old", async () => {
    const first = unlock();
    (await request("passkey.challenge")).answer(QUESTION);
    await (await prompt()).fail(cancelled());
    await expect(first).rejects.toMatchObject({ kind: "cancelled" });
    environment.advance(56_000);
    const second = unlock();
    (await request("passkey.challenge")).answer(question(2));
    expect(encodeBase64Url((await prompt(2)).challenge)).toBe(question(2).challenge);
    await authenticator.prompts[1]?.fail(cancelled());
    await expect(second).rejects.toMatchObject({ kind: "cancelled" });
  });

  it("says why the wing does not take the passkey, and does not use its question again", async () => {
    const unlocking = unlock();
    (await request("passkey.challenge")).answer(QUESTION);
    await (await prompt()).use();
    (await request("passkey.auth")).answer({ error: "the passkey was not accepted: it is none that counts" });
    await expect(unlocking).rejects.toMatchObject({
      kind: "refused",
      message: "The passkey was not accepted: it is none that counts.",
    });
    void unlock().catch(() => undefined);
    await request("passkey.challenge");
    expect(unlocked).not.toHaveBeenCalled();
  });

  it("says whom to ask when the person is not on the list", async () => {
    const unlocking = unlock();
    (await request("passkey.challenge")).answer({ error: "not_allowed" });
    await expect(unlocking).rejects.toThrow(/ask Ada to add you/);
    expect(authenticator.prompts).toHaveLength(0);
  });

  it("says when no passkey counts, and asks the wing anew then", async () => {
    const unlocking = unlock();
    (await request("passkey.challenge")).answer({ ...QUESTION, keys: [] });
    await expect(unlocking).rejects.toMatchObject({ kind: "uncounted" });
    const again = unlock();
    (await request("passkey.challenge")).answer(QUESTION);
    await (await prompt()).fail(cancelled());
    await expect(again).rejects.toMatchObject({ kind: "cancelled" });
  });

  it("is done when the wing needs no passkey", async () => {
    const unlocking = unlock();
    (await request("passkey.challenge")).answer({ error: "this machine asks you for no passkey" });
    await unlocking;
    expect(unlocked).toHaveBeenCalledWith(WING_ID);
    expect(passkeys.session(WING_ID).token()).toBe("");
  });

  it("says that a wing is too old", async () => {
    const unlocking = unlock();
    (await request("passkey.challenge")).answer({ error: "unknown type: passkey.challenge" });
    await expect(unlocking).rejects.toThrow(/Update it there/);
  });

  it("ends with a wing that never answers, to the question or to the answer", async () => {
    const first = unlock();
    await request("passkey.challenge");
    environment.advance(REQUEST_TIMEOUT_MS);
    await expect(first).rejects.toThrow("The wing does not answer.");
    const second = unlock();
    (await request("passkey.challenge")).answer(QUESTION);
    await (await prompt()).use();
    await request("passkey.auth");
    environment.advance(REQUEST_TIMEOUT_MS);
    await expect(second).rejects.toThrow("The wing does not answer.");
    tunnel = null;
    await expect(unlock()).rejects.toThrow(/not connected/);
  });
});

describe("a token in the tunnel", () => {
  const ask = async () => {
    const asking = tunnel?.request({ type: "wing.info" });
    const { body, answer } = await request("wing.info");
    return { asking, body, answer };
  };

  it("that has expired is dropped; the next request goes without", async () => {
    passkeys.session(WING_ID).keep(TOKEN);
    const { asking, answer } = await ask();
    answer({ error: "passkey_required", hostname: "studio" });
    await expect(asking).rejects.toMatchObject({ code: "passkey_required" });
    const next = ask();
    expect((await next).body).toEqual({ type: "wing.info" });
  });

  it("that is newer than the refused one stays", async () => {
    passkeys.session(WING_ID).keep(TOKEN);
    const { asking, answer } = await ask();
    passkeys.session(WING_ID).keep(OTHER_TOKEN);
    answer({ error: "passkey_required" });
    await expect(asking).rejects.toMatchObject({ code: "passkey_required" });
    expect(passkeys.session(WING_ID).token()).toBe(OTHER_TOKEN);
  });

  it("is not shown to a wing under another key, and gone after the login", () => {
    passkeys.session(WING_ID).keep(TOKEN);
    expect(passkeys.tunnelToken(WING_ID, new FakeWing().publicKey).current()).toBe("");
    passkeys.clear();
    expect(passkeys.tunnelToken(WING_ID, wing.publicKey).current()).toBe("");
  });
});
