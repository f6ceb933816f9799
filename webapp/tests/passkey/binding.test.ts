import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { boundChallenge, checkedChallenge } from "../../src/passkey/binding.ts";
import { decodeBase64Url, encodeBase64Url } from "../../src/protocol/base64.ts";
import { newKeyPair } from "../../src/protocol/box.ts";
import { challengeFor } from "../support/passkeys.ts";

interface Vectors {
  wing: { public: string };
  browser: { public: string };
  passkey_challenges: { nonce: string; session_id: string; terminal: string; tunnel: string };
}

const browserPublic = newKeyPair().publicKey;
const wingPublic = newKeyPair().publicKey;
const keys = { browserPublic, wingPublic };
const nonce = new Uint8Array(32).fill(9);

describe("boundChallenge", () => {
  it("is the SHA-256 of what it names, in this order", () => {
    const hash = createHash("sha256");
    hash.update("wt-passkey\0").update(nonce).update(Buffer.from(browserPublic, "base64"));
    hash.update(Buffer.from(wingPublic, "base64")).update("cafe0001");
    expect(Buffer.from(boundChallenge(nonce, keys, "cafe0001")).equals(hash.digest())).toBe(true);
  });

  it("is the same as the wing's", () => {
    const vectors = JSON.parse(
      readFileSync(new URL("../../../tests/vectors.json", import.meta.url), "utf8"),
    ) as Vectors;
    const { nonce, session_id, terminal, tunnel } = vectors.passkey_challenges;
    const ends = { browserPublic: vectors.browser.public, wingPublic: vectors.wing.public };
    const made = (id: string | null) => encodeBase64Url(boundChallenge(decodeBase64Url(nonce), ends, id));
    expect(made(session_id)).toBe(terminal);
    expect(made(null)).toBe(tunnel);
  });
});

describe("checkedChallenge", () => {
  const asked = challengeFor("cafe0001", browserPublic, wingPublic) as { session_id: string; challenge: string };

  it("gives the challenge when it is bound", () => {
    expect(checkedChallenge(asked, keys)).toHaveLength(32);
  });

  it("refuses one for another session, browser or wing", () => {
    const other = newKeyPair().publicKey;
    expect(() => checkedChallenge({ ...asked, session_id: "cafe0002" }, keys)).toThrow(/not made for this browser/);
    expect(() => checkedChallenge(asked, { ...keys, browserPublic: other })).toThrow(/not made for this browser/);
    expect(() => checkedChallenge(asked, { ...keys, wingPublic: other })).toThrow(/not made for this browser/);
    expect(() => checkedChallenge(asked, { ...keys, wingPublic: "" })).toThrow(/not made for this browser/);
  });

  it("takes neither a terminal's for the tunnel's nor the other way round", () => {
    for (const id of ["", "tunnel", "-tunnel", "-tunnel\0"]) {
      const terminal = challengeFor(id, browserPublic, wingPublic) as { session_id: string; challenge: string };
      expect(() => checkedChallenge({ ...terminal, session_id: null }, keys)).toThrow(/not made for this browser/);
    }
    const challenge = encodeBase64Url(boundChallenge(nonce, keys, null));
    const question = { challenge, nonce: encodeBase64Url(nonce) };
    expect(checkedChallenge({ ...question, session_id: null }, keys)).toHaveLength(32);
    for (const id of ["", "tunnel"]) {
      expect(() => checkedChallenge({ ...question, session_id: id }, keys)).toThrow(/not made for this browser/);
    }
  });
});
