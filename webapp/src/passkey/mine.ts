/** The person's own passkeys, as far as a question needs them. */
import { call } from "../net/http.ts";
import { list, text } from "../net/shape.ts";
import type { OwnPasskey } from "./signer.ts";

export const ownPasskeys = async (): Promise<OwnPasskey[]> =>
  list(await call("GET", "/api/app/passkey"), (from) => {
    const credentialId = text(from, "credential_id");
    return credentialId ? { credentialId, publicKey: text(from, "public_key") } : null;
  });
