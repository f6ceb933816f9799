/**
 * The encryption between this browser and a wing (protocol.md section 5):
 *
 *   shared  = X25519(my_private, peer_public)
 *   key     = HKDF-SHA256(shared, salt = 32 zero bytes, info, 32)
 *   message = base64(nonce[12] || AES-256-GCM(key, nonce, plaintext) || tag[16])
 *
 * Written on noble's pure JavaScript, not on WebCrypto: `crypto.subtle` does not exist on a plain http
 * origin such as http://192.168.1.5:8080, and being synchronous it keeps the output of a terminal in order.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { decodeBase64, encodeBase64 } from "./base64.ts";

/** `wt-passkey` is ours: for the token of a locked wing, so that it cannot be played back as input or output. */
export type Domain = "wt-pty" | "wt-tunnel" | "wt-passkey";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NO_SALT = new Uint8Array(32);

export type Randomness = (bytes: number) => Uint8Array;
export const secureRandom: Randomness = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));

export class DecryptionFailed extends Error {}

export interface KeyPair {
  readonly privateKey: Uint8Array;
  /** Base64 of the 32 public bytes: `public_key` and `sender_pub` on the wire. */
  readonly publicKey: string;
}

export function newKeyPair(randomness: Randomness = secureRandom): KeyPair {
  const privateKey = randomness(KEY_BYTES);
  return { privateKey, publicKey: encodeBase64(x25519.getPublicKey(privateKey)) };
}

/** The 32-byte key for one domain. Throws `Error` when the peer's key (base64) is malformed or of low order. */
export function deriveKey(privateKey: Uint8Array, peerPublic: string, domain: Domain): Uint8Array {
  const peer = decodeBase64(peerPublic);
  if (peer.length !== KEY_BYTES) throw new Error("the wing's public key has the wrong length");
  const shared = x25519.getSharedSecret(privateKey, peer);
  return hkdf(sha256, shared, NO_SALT, new TextEncoder().encode(domain), KEY_BYTES);
}

/** Seals and opens messages under one key; nonces are random. */
export class Box {
  constructor(
    private readonly key: Uint8Array,
    private readonly randomness: Randomness = secureRandom,
  ) {}

  static between(mine: KeyPair, peerPublic: string, domain: Domain): Box {
    return new Box(deriveKey(mine.privateKey, peerPublic, domain));
  }

  seal(plaintext: Uint8Array): string {
    const nonce = this.randomness(NONCE_BYTES);
    const sealed = gcm(this.key, nonce).encrypt(plaintext);
    const message = new Uint8Array(NONCE_BYTES + sealed.length);
    message.set(nonce);
    message.set(sealed, NONCE_BYTES);
    return encodeBase64(message);
  }

  /** Throws `DecryptionFailed` when `message` is not base64, too short, altered, or of another key. */
  open(message: string): Uint8Array {
    let raw: Uint8Array;
    try {
      raw = decodeBase64(message);
    } catch {
      throw new DecryptionFailed("the encrypted data is not valid base64");
    }
    if (raw.length < NONCE_BYTES + TAG_BYTES) throw new DecryptionFailed("the encrypted data is too short");
    try {
      return gcm(this.key, raw.subarray(0, NONCE_BYTES)).decrypt(raw.subarray(NONCE_BYTES));
    } catch {
      throw new DecryptionFailed("the encrypted data does not fit this session's key");
    }
  }
}

/** A public key (base64) as people compare it: eight groups of four hex digits of its SHA-256. */
export function fingerprint(publicKey: string): string {
  const digest = bytesToHex(sha256(decodeBase64(publicKey))).slice(0, 32);
  return (digest.match(/.{4}/g) ?? []).join(" ");
}
