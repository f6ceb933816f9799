import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { gunzip } from "../../src/protocol/gzip.ts";

describe("gunzip", () => {
  const plain = Buffer.from("line\r\n".repeat(50_000));

  it("unpacks a whole stream", () => {
    expect(Buffer.from(gunzip(gzipSync(plain))).equals(plain)).toBe(true);
  });
  it("unpacks nothing to nothing", () => {
    expect(gunzip(gzipSync(Buffer.alloc(0))).length).toBe(0);
  });
  it("refuses a stream that was cut short", () => {
    expect(() => gunzip(gzipSync(plain).subarray(0, 100))).toThrow();
    expect(() => gunzip(new Uint8Array())).toThrow(/incomplete/);
  });
  it("refuses what is not gzip", () => {
    expect(() => gunzip(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))).toThrow();
  });
  it("refuses a stream that unpacks to more than is allowed", () => {
    expect(() => gunzip(gzipSync(Buffer.alloc(5_000_000)), 1_000_000)).toThrow(/larger than/);
  });
});
