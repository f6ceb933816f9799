/** Passkeys: made by the browser for this server, whose WebAuthn JSON goes in and out (WebAuthn Level 3, 5.1.9). */
import { decodeBase64Url, encodeBase64Url } from "../protocol/base64.ts";
import { call } from "./http.ts";
import { fields, identifier, list, number, text } from "./shape.ts";

export interface Passkey {
  id: string;
  credentialId: string;
  label: string;
  createdAt: number;
}

/**
 * The options of `register/begin` as `navigator.credentials.create` takes them. Browsers can do this themselves
 * only since 2024. Throws `Error` when what must be bytes is not.
 */
export function creationOptions(answer: unknown): PublicKeyCredentialCreationOptions {
  const told = fields(answer);
  const options = fields(told.publicKey ?? told);
  const user = fields(options.user);
  const exclude = Array.isArray(options.excludeCredentials) ? options.excludeCredentials : [];
  return {
    ...options,
    challenge: bytes(text(options, "challenge")),
    user: { ...user, id: bytes(text(user, "id")) },
    excludeCredentials: exclude.map((entry) => ({ ...fields(entry), id: bytes(text(fields(entry), "id")) })),
  } as unknown as PublicKeyCredentialCreationOptions;
}

/** What `navigator.credentials.create` made, as JSON. */
export function registrationJson(made: PublicKeyCredential): object {
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id,
    rawId: base64Url(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    clientExtensionResults: made.getClientExtensionResults(),
    response: {
      clientDataJSON: base64Url(response.clientDataJSON),
      attestationObject: base64Url(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

const bytes = (coded: string): Uint8Array => decodeBase64Url(coded);
const base64Url = (buffer: ArrayBuffer): string => encodeBase64Url(new Uint8Array(buffer));

const at = (passkeyId: string) => `/api/app/passkey/${encodeURIComponent(passkeyId)}`;

export const passkeys = {
  list: async (): Promise<Passkey[]> =>
    list(await call("GET", "/api/app/passkey"), (from) => {
      const passkeyId = identifier(from, "id");
      if (!passkeyId) return null;
      return {
        id: passkeyId,
        credentialId: text(from, "credential_id"),
        label: text(from, "label"),
        createdAt: number(from, "created_at"),
      };
    }),
  begin: async () => creationOptions(await call("POST", "/api/app/passkey/register/begin", {})),
  finish: (made: PublicKeyCredential) => call("POST", "/api/app/passkey/register/finish", registrationJson(made)),
  rename: (passkeyId: string, label: string) => call("PUT", at(passkeyId), { label }),
  remove: (passkeyId: string) => call("DELETE", at(passkeyId)),
};
