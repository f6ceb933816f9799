import { describe, expect, it } from "vitest";
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "../../src/protocol/base64.ts";

describe("base64", () => {
  it("agrees with Node's at every length", () => {
    for (const length of [0, 1, 2, 3, 4, 255, 0x8000, 0x8001, 200_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
      const encoded = encodeBase64(bytes);
      expect(encoded).toBe(Buffer.from(bytes).toString("base64"));
      expect(Buffer.from(decodeBase64(encoded)).equals(Buffer.from(bytes))).toBe(true);
    }
  });
  it("refuses other characters", () => {
    expect(() => decodeBase64("a*b=")).toThrow(/base64/);
  });
});

describe("base64url", () => {
  it("agrees with Node's at every length", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => 255 - i * 3);
      expect(encodeBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
      expect(decodeBase64Url(encodeBase64Url(bytes))).toEqual(bytes);
    }
  });
  it("refuses other characters", () => {
    expect(() => decodeBase64Url("§")).toThrow(/base64/);
  });
});
