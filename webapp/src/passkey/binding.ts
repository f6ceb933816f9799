/**
 * Whether a wing's question is meant for this browser. The node that passes it on could have begun a session of
 * its own and show us that one's question, and so could a wing that the node has told of another wing's question;
 * what is signed would then let the node in there. So the challenge is made of both public keys, and is made again
 * here before anybody is asked to sign:
 *
 *   in a terminal:       challenge = SHA-256("wt-passkey\0" || nonce || browser_public || wing_public || session_id)
 *   through the tunnel:  challenge = SHA-256("wt-passkey-tunnel\0" || nonce || browser_public || wing_public)
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { decodeBase64, decodeBase64Url } from "../protocol/base64.ts";

const TERMINAL = "wt-passkey\0";
const TUNNEL = "wt-passkey-tunnel\0";
const NONCE_BYTES = 32;

export interface Keys {
  /** Base64: of the start, attach or request that the question answers. */
  browserPublic: string;
  /** Base64: as it is trusted, not as the question came. */
  wingPublic: string;
}

/** `sessionId` is null for a question through the tunnel. */
export function boundChallenge(nonce: Uint8Array, keys: Keys, sessionId: string | null): Uint8Array {
  const utf8 = new TextEncoder();
  return sha256
    .create()
    .update(utf8.encode(sessionId === null ? TUNNEL : TERMINAL))
    .update(nonce)
    .update(decodeBase64(keys.browserPublic))
    .update(decodeBase64(keys.wingPublic))
    .update(utf8.encode(sessionId ?? ""))
    .digest();
}

interface Asked {
  /** Null through the tunnel. */
  session_id: string | null;
  /** Base64url, as the nonce. */
  challenge: string;
  nonce?: string;
}

const UNBOUND =
  "The question for your passkey does not say whom it is for: the program on that machine is too old, or the server " +
  "has altered it. No passkey was used.";
const OTHERS =
  "The question for your passkey was not made for this browser: the key of that machine has changed, or the server " +
  "has altered it. No passkey was used.";

/** The challenge to sign. Throws `Error`, with a sentence, when it is not bound to this browser and this wing. */
export function checkedChallenge(asked: Asked, keys: Keys): Uint8Array {
  if (typeof asked.nonce !== "string") throw new Error(UNBOUND);
  let nonce: Uint8Array;
  let challenge: Uint8Array;
  let expected: Uint8Array;
  try {
    nonce = decodeBase64Url(asked.nonce);
    challenge = decodeBase64Url(asked.challenge);
    expected = boundChallenge(nonce, keys, asked.session_id);
  } catch {
    throw new Error(OTHERS);
  }
  const same = challenge.length === expected.length && challenge.every((byte, i) => byte === expected[i]);
  if (nonce.length !== NONCE_BYTES || !same) throw new Error(OTHERS);
  return challenge;
}
