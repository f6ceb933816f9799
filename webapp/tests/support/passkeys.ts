/** The person and their passkeys, in the test's hand. */
import { boundChallenge } from "../../src/passkey/binding.ts";
import type { Authenticator } from "../../src/passkey/authenticator.ts";
import { PasskeyProblem } from "../../src/passkey/problem.ts";
import { encodeBase64Url } from "../../src/protocol/base64.ts";
import type { Assertion } from "../../src/protocol/messages.ts";
import type { SessionPasskeys } from "../../src/terminal/session-types.ts";

export const TOKEN = "ab".repeat(32);
export const OTHER_TOKEN = "cd".repeat(32);

export const SIGNED: Assertion = {
  credential_id: "bXk",
  authenticator_data: "YXV0aA==",
  client_data_json: "e30=",
  signature: "c2ln",
};

export const cancelled = () => new PasskeyProblem("cancelled", "No passkey was used.");

/** One prompt that is shown: what was asked, and what the person does. */
export interface Prompt {
  challenge: Uint8Array;
  keys: readonly string[] | null;
  signal: AbortSignal;
  use(assertion?: Assertion): Promise<void>;
  fail(why: unknown): Promise<void>;
}

function prompt<T>(prompts: Prompt[], asked: Pick<Prompt, "challenge" | "keys" | "signal">, result: T): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.signal.addEventListener("abort", () => reject(cancelled()));
    prompts.push({
      ...asked,
      use: (assertion) => settled(() => resolve((assertion ?? result) as T)),
      fail: (why) => settled(() => reject(why)),
    });
  });
}

async function settled(act: () => void): Promise<void> {
  act();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** What a session asks of the app. */
export class FakePasskeys implements SessionPasskeys {
  kept = "";
  pressed = false;
  readonly dropped: string[] = [];
  readonly prompts: Prompt[] = [];
  readonly unlocks: Prompt[] = [];

  token = () => this.kept;
  keep = (token: string) => {
    this.kept = token;
  };
  refused = (token: string) => {
    this.dropped.push(token);
    if (this.kept === token) this.kept = "";
  };
  gesture = () => this.pressed;
  prepare = () => undefined;
  sign = (challenge: Uint8Array, keys: readonly string[] | null, signal: AbortSignal) =>
    prompt(this.prompts, { challenge, keys, signal }, SIGNED);
  unlock = (signal: AbortSignal) =>
    prompt<void>(this.unlocks, { challenge: new Uint8Array(), keys: null, signal }, undefined);
  notAllowed = () => "Ask Ada to add you.";

  get prompt(): Prompt {
    const last = this.prompts.at(-1);
    if (!last) throw new Error("nobody was asked to sign");
    return last;
  }
}

/** What the app asks of the browser. */
export class FakeAuthenticator implements Authenticator {
  readonly prompts: (Prompt & { allowed: readonly Uint8Array[] })[] = [];

  get(challenge: Uint8Array, allowed: readonly Uint8Array[], signal: AbortSignal): Promise<Assertion> {
    const shown: Prompt[] = [];
    const result = prompt(shown, { challenge, keys: null, signal }, SIGNED);
    for (const one of shown) this.prompts.push({ ...one, allowed });
    return result;
  }
}

const NONCE = new Uint8Array(32).fill(7);

/** A wing's question, bound to these keys (base64) as a wing of ours does it. */
export function challengeFor(sessionId: string, browserPublic: unknown, wingPublic: string): Record<string, unknown> {
  const keys = { browserPublic: String(browserPublic), wingPublic };
  return {
    type: "passkey.challenge",
    session_id: sessionId,
    challenge: encodeBase64Url(boundChallenge(NONCE, keys, sessionId)),
    nonce: encodeBase64Url(NONCE),
  };
}
