/** Answers a locked wing's question through the tunnel, where no node sees it. */
import type { Assertion } from "../protocol/messages.ts";
import { sentence } from "../state/format.ts";
import { type TunnelClient, WingRefused } from "../tunnel/client.ts";
import { checkedChallenge } from "./binding.ts";
import { asProblem, PasskeyProblem } from "./problem.ts";
import { NOT_ALLOWED } from "./refusal.ts";
import { countedKeys, type Signer } from "./signer.ts";

interface Question {
  challenge: Uint8Array;
  keys: readonly string[] | null;
  /** In milliseconds of `now()`. */
  until: number;
}

/** Taken off what the wing grants: the answer needs time on its way. */
const MARGIN_MS = 5000;
const NEEDS_NONE = /asks you for no passkey/;
const TOO_OLD = "The program on that machine asks for passkeys in an older way. Update it there.";

export class Unlocker {
  readonly #open = new Map<string, Question>();

  constructor(
    private readonly signer: Signer,
    private readonly now: () => number,
  ) {}

  /**
   * The token, or null when the wing needs none of this person. Rejects with `PasskeyProblem`, `WingRefused` or
   * `WingUnreachable`. A question that was not answered is kept: some browsers want the prompt to follow the
   * click without asking anybody in between, and so the second click does.
   */
  async unlock(tunnel: TunnelClient, signal: AbortSignal): Promise<string | null> {
    this.signer.prepare();
    const { wingId } = tunnel;
    const kept = this.#open.get(wingId);
    const question = kept && this.now() < kept.until ? kept : await this.#ask(tunnel);
    if (question === null) return null;
    this.#open.set(wingId, question);
    let assertion: Assertion;
    try {
      assertion = await this.signer.sign(question.challenge, question.keys, signal);
    } catch (why) {
      // What is missing may be there by the next question, which then names other keys.
      if (asProblem(why).kind !== "cancelled") this.#open.delete(wingId);
      throw why;
    }
    this.#open.delete(wingId);
    try {
      const answer = await tunnel.request<{ auth_token?: unknown }>({ type: "passkey.auth", ...assertion });
      if (typeof answer.auth_token === "string") return answer.auth_token;
    } catch (why) {
      if (!(why instanceof WingRefused) || why.code === NOT_ALLOWED) throw why;
      throw new PasskeyProblem("refused", sentence(why.code));
    }
    throw new PasskeyProblem("refused", "The wing did not say whether it takes the passkey. Try again.");
  }

  /** Nobody is logged in any more. */
  clear(): void {
    this.#open.clear();
  }

  async #ask(tunnel: TunnelClient): Promise<Question | null> {
    let answer: { challenge?: unknown; nonce?: unknown; expires_in?: unknown; keys?: unknown };
    try {
      answer = await tunnel.request({ type: "passkey.challenge" });
    } catch (why) {
      if (!(why instanceof WingRefused)) throw why;
      if (NEEDS_NONE.test(why.code)) return null;
      if (why.code.startsWith("unknown type")) throw new PasskeyProblem("unavailable", TOO_OLD);
      throw why;
    }
    const seconds = typeof answer.expires_in === "number" ? answer.expires_in : 0;
    return {
      challenge: bound(tunnel, answer.challenge, answer.nonce),
      keys: countedKeys(answer.keys),
      until: this.now() + seconds * 1000 - MARGIN_MS,
    };
  }
}

/** A wing that passes on the question of another one could use the answer there. */
function bound(tunnel: TunnelClient, challenge: unknown, nonce: unknown): Uint8Array {
  const asked = { session_id: null, challenge: String(challenge), ...(typeof nonce === "string" ? { nonce } : {}) };
  try {
    return checkedChallenge(asked, tunnel.ends);
  } catch (why) {
    throw new PasskeyProblem("refused", why instanceof Error ? why.message : String(why));
  }
}
