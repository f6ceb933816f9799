import { beforeEach, describe, expect, it, vi } from "vitest";
import { explained } from "../../src/passkey/authenticator.ts";
import { type OwnPasskey, Signer } from "../../src/passkey/signer.ts";
import { encodeBase64Url } from "../../src/protocol/base64.ts";
import { FakeAuthenticator, SIGNED } from "../support/passkeys.ts";

const MINE: OwnPasskey[] = [
  { credentialId: "AQ", publicKey: "key one" },
  { credentialId: "Ag", publicKey: "key two" },
];
const challenge = new Uint8Array([1, 2, 3]);
let authenticator: FakeAuthenticator;
let list: ReturnType<typeof vi.fn<() => Promise<OwnPasskey[]>>>;
let signer: Signer;

beforeEach(() => {
  authenticator = new FakeAuthenticator();
  list = vi.fn(() => Promise.resolve(MINE));
  signer = new Signer(list, authenticator);
});

async function offered(keys: readonly string[] | null): Promise<string[]> {
  const signing = signer.sign(challenge, keys, new AbortController().signal);
  await vi.waitFor(() => expect(authenticator.prompts).toHaveLength(1));
  const [prompt] = authenticator.prompts;
  await prompt?.use();
  expect(await signing).toEqual(SIGNED);
  return (prompt?.allowed ?? []).map((id) => encodeBase64Url(id));
}

describe("Signer", () => {
  it("offers the passkeys that count", async () => {
    expect(await offered(["key two", "another's"])).toEqual(["Ag"]);
  });

  it("offers all when the wing does not say which count, or means one that the server does not know", async () => {
    expect(await offered(null)).toEqual(["AQ", "Ag"]);
    authenticator.prompts.length = 0;
    expect(await offered(["unknown"])).toEqual(["AQ", "Ag"]);
  });

  it("offers whatever the browser finds when the server does not answer", async () => {
    vi.spyOn(console, "info").mockReturnValue(undefined);
    list.mockRejectedValue(new Error("503"));
    expect(await offered(["key one"])).toEqual([]);
  });

  it("shows no prompt to who has no passkey, and looks again the next time", async () => {
    list.mockResolvedValueOnce([]);
    const { signal } = new AbortController();
    await expect(signer.sign(challenge, null, signal)).rejects.toMatchObject({ kind: "none" });
    expect(authenticator.prompts).toHaveLength(0);
    expect(await offered(null)).toHaveLength(2);
  });

  it("tells passkeys that do not count from none at all", async () => {
    const { signal } = new AbortController();
    await expect(signer.sign(challenge, [], signal)).rejects.toMatchObject({ kind: "uncounted" });
    list.mockResolvedValueOnce([]);
    await expect(signer.sign(challenge, [], signal)).rejects.toMatchObject({ kind: "none" });
  });

  it("asks the server once for a question", async () => {
    signer.prepare();
    signer.prepare();
    await offered(null);
    expect(list).toHaveBeenCalledOnce();
  });

  it("takes a prompt away for the next, or when nobody waits for it any more", async () => {
    const first = signer.sign(challenge, null, new AbortController().signal);
    await vi.waitFor(() => expect(authenticator.prompts).toHaveLength(1));
    const over = new AbortController();
    const second = signer.sign(challenge, null, over.signal);
    await expect(first).rejects.toMatchObject({ kind: "cancelled" });
    await vi.waitFor(() => expect(authenticator.prompts).toHaveLength(2));
    over.abort();
    await expect(second).rejects.toMatchObject({ kind: "cancelled" });
  });
});

describe("what the browser says", () => {
  const named = (name: string) => explained(new DOMException("details", name));
  it.each([
    ["NotAllowedError", "cancelled", /Try again/],
    ["AbortError", "cancelled", /Try again/],
    ["SecurityError", "unavailable", /under the server's name/],
    ["NotSupportedError", "unavailable", /has no passkeys/],
    ["InvalidStateError", "cancelled", /details/],
  ])("%s is explained", (name, kind, sentence) => {
    expect(named(name)).toMatchObject({ kind, message: expect.stringMatching(sentence) as string });
  });
});
