/** Answers questions with one of the person's passkeys. One prompt at a time: browsers have no room for two. */
import { decodeBase64Url } from "../protocol/base64.ts";
import type { Assertion } from "../protocol/messages.ts";
import type { Authenticator } from "./authenticator.ts";
import { PasskeyProblem } from "./problem.ts";

export interface OwnPasskey {
  /** Base64url. */
  credentialId: string;
  /** Base64 of X||Y. */
  publicKey: string;
}

/** The `keys` of a question; null when the wing does not say which count. */
export const countedKeys = (value: unknown): readonly string[] | null =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : null;

export class Signer {
  #mine: Promise<OwnPasskey[] | null> | null = null;
  #prompt: AbortController | null = null;

  /** `list` asks the server for the person's passkeys. */
  constructor(
    private readonly list: () => Promise<OwnPasskey[]>,
    private readonly authenticator: Authenticator,
  ) {}

  /** A question is there: look up the passkeys already, so that the prompt follows the click at once. */
  prepare(): void {
    void this.#look();
  }

  /**
   * `keys` are the public keys that count, as the wing says; null when it does not. Rejects with `PasskeyProblem`;
   * `signal` takes the prompt away.
   */
  async sign(challenge: Uint8Array, keys: readonly string[] | null, signal: AbortSignal): Promise<Assertion> {
    const mine = await this.#look();
    this.#mine = null; // By the next question another may be registered.
    if (mine?.length === 0 || (mine === null && keys?.length === 0)) {
      throw new PasskeyProblem("none", "You have no passkey at this server yet.");
    }
    if (keys?.length === 0) {
      throw new PasskeyProblem(
        "uncounted",
        "None of your passkeys counts on this machine. If you have just registered one, try again in a minute.",
      );
    }
    const known = mine ?? [];
    const fitting = known.filter((passkey) => keys?.includes(passkey.publicKey));
    const offered = fitting.length > 0 ? fitting : known;
    const allowed = offered.map(({ credentialId }) => decodeBase64Url(credentialId));
    this.#prompt?.abort();
    const prompt = new AbortController();
    this.#prompt = prompt;
    const stop = () => prompt.abort();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await this.authenticator.get(challenge, allowed, prompt.signal);
    } finally {
      signal.removeEventListener("abort", stop);
      if (this.#prompt === prompt) this.#prompt = null;
    }
  }

  /** Null when the server does not say: then the browser offers what it finds. */
  #look(): Promise<OwnPasskey[] | null> {
    this.#mine ??= this.list().catch((why: unknown) => {
      console.info("the passkeys could not be looked up:", why);
      return null;
    });
    return this.#mine;
  }
}
