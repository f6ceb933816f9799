/** `navigator.credentials.get` (WebAuthn Level 3, 5.1.4), its answer as the wing wants it, its errors as sentences. */
import { encodeBase64, encodeBase64Url } from "../protocol/base64.ts";
import type { Assertion } from "../protocol/messages.ts";
import { PasskeyProblem } from "./problem.ts";

export interface Authenticator {
  /** `allowed`: the credentials to choose from; empty for any that the browser finds. Rejects with `PasskeyProblem`. */
  get(challenge: Uint8Array, allowed: readonly Uint8Array[], signal: AbortSignal): Promise<Assertion>;
}

/** The wing waits for 60 s, from before the browser has asked. */
const TIMEOUT_MS = 55_000;

export const browserAuthenticator: Authenticator = {
  async get(challenge, allowed, signal) {
    if (typeof PublicKeyCredential === "undefined" || !navigator.credentials) throw unavailable();
    let made: Credential | null;
    try {
      made = await navigator.credentials.get({
        signal,
        publicKey: {
          challenge: challenge as BufferSource,
          allowCredentials: allowed.map((id) => ({ type: "public-key", id: id as BufferSource })),
          userVerification: "preferred",
          timeout: TIMEOUT_MS,
        },
      });
    } catch (why) {
      throw explained(why);
    }
    if (!(made instanceof PublicKeyCredential)) throw cancelled();
    return assertion(made);
  },
};

function assertion(made: PublicKeyCredential): Assertion {
  const response = made.response as AuthenticatorAssertionResponse;
  const base64 = (buffer: ArrayBuffer) => encodeBase64(new Uint8Array(buffer));
  return {
    credential_id: encodeBase64Url(new Uint8Array(made.rawId)),
    authenticator_data: base64(response.authenticatorData),
    client_data_json: base64(response.clientDataJSON),
    signature: base64(response.signature),
  };
}

/** What a rejection of `navigator.credentials.get` means to a person. */
export function explained(why: unknown): PasskeyProblem {
  const name = why instanceof Error || why instanceof DOMException ? why.name : "";
  // Browsers do not tell a person who gives up from a passkey that is not there.
  if (name === "NotAllowedError" || name === "AbortError") return cancelled();
  if (name === "SecurityError") {
    return new PasskeyProblem(
      "unavailable",
      "Passkeys belong to a name: open this page under the server's name, not under an address of numbers.",
    );
  }
  if (name === "NotSupportedError") return unavailable();
  const details = why instanceof Error ? why.message : name;
  return new PasskeyProblem("cancelled", `The browser could not use the passkey: ${details}.`);
}

const cancelled = () =>
  new PasskeyProblem("cancelled", "No passkey was used. Try again, with the device that has it at hand.");

function unavailable(): PasskeyProblem {
  const secure = typeof isSecureContext === "undefined" || isSecureContext;
  return new PasskeyProblem(
    "unavailable",
    secure
      ? "This browser has no passkeys. Open this page in a current one."
      : "Browsers use passkeys on safe pages only: open this page with https.",
  );
}
