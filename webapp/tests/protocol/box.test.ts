import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/protocol/base64.ts";
import { Box, DecryptionFailed, deriveKey, type Domain, fingerprint, newKeyPair } from "../../src/protocol/box.ts";
import { gunzip } from "../../src/protocol/gzip.ts";

interface Vectors {
  wing: { private: string; public: string };
  browser: { private: string; public: string };
  domains: { info: Domain; key_hex: string; messages: { nonce_hex: string; plaintext: string; message: string }[] }[];
  compressed: { info: Domain; plaintext: string; message: string };
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../tests/vectors.json", import.meta.url), "utf8"),
) as Vectors;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (digits: string) => new Uint8Array(Buffer.from(digits, "hex"));

describe("the vectors of the protocol", () => {
  const browser = decodeBase64(vectors.browser.private);

  it("gives the public keys", () => {
    expect(newKeyPair(() => browser).publicKey).toBe(vectors.browser.public);
    expect(newKeyPair(() => decodeBase64(vectors.wing.private)).publicKey).toBe(vectors.wing.public);
  });

  for (const domain of vectors.domains) {
    it(`derives the same key on both sides for ${domain.info}`, () => {
      expect(hex(deriveKey(browser, vectors.wing.public, domain.info))).toBe(domain.key_hex);
      expect(hex(deriveKey(decodeBase64(vectors.wing.private), vectors.browser.public, domain.info))).toBe(
        domain.key_hex,
      );
    });

    for (const { nonce_hex, plaintext, message } of domain.messages) {
      it(`seals and opens ${decodeBase64(plaintext).length} bytes for ${domain.info}`, () => {
        const box = new Box(unhex(domain.key_hex), () => unhex(nonce_hex));
        expect(box.seal(decodeBase64(plaintext))).toBe(message);
        expect(encodeBase64(box.open(message))).toBe(plaintext);
      });
    }
  }

  it("opens and unpacks a compressed message", () => {
    const key = deriveKey(browser, vectors.wing.public, vectors.compressed.info);
    const packed = new Box(key).open(vectors.compressed.message);
    expect(encodeBase64(gunzip(packed))).toBe(vectors.compressed.plaintext);
  });
});

describe("Box", () => {
  const box = new Box(new Uint8Array(32));
  const sealed = box.seal(new Uint8Array([1, 2, 3]));

  it("uses a new nonce for each message", () => {
    expect(box.seal(new Uint8Array([1, 2, 3]))).not.toBe(sealed);
  });

  it("refuses what is altered, of another key, too short or not base64", () => {
    const altered = decodeBase64(sealed);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    expect(() => box.open(encodeBase64(altered))).toThrow(DecryptionFailed);
    expect(() => new Box(new Uint8Array(32).fill(1)).open(sealed)).toThrow(DecryptionFailed);
    expect(() => box.open("AAAA")).toThrow(/too short/);
    expect(() => box.open("?")).toThrow(/base64/);
  });
});

describe("deriveKey", () => {
  it("refuses keys of the wrong length, of low order, or not base64", () => {
    const mine = newKeyPair().privateKey;
    expect(() => deriveKey(mine, "AAAA", "wt-pty")).toThrow(/length/);
    expect(() => deriveKey(mine, encodeBase64(new Uint8Array(32)), "wt-pty")).toThrow();
    expect(() => deriveKey(mine, "!", "wt-pty")).toThrow();
  });
});

describe("fingerprint", () => {
  it("is eight groups of four hex digits, as the wing's machine shows it", () => {
    expect(fingerprint(vectors.wing.public)).toBe("7b54 1081 3dcc c649 250a dc1b 95b6 683d");
    expect(fingerprint(vectors.wing.public)).not.toBe(fingerprint(vectors.browser.public));
  });
});
