/** The wing's side of the encryption, for tests of the browser's side. */
import { Box, type Domain, type KeyPair, newKeyPair } from "../../src/protocol/box.ts";

export const WING_ID = "aabbccddeeff001122334455";

export class FakeWing {
  readonly keys: KeyPair = newKeyPair();

  get publicKey(): string {
    return this.keys.publicKey;
  }
  box(browserPublic: unknown, domain: Domain): Box {
    return Box.between(this.keys, String(browserPublic), domain);
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
