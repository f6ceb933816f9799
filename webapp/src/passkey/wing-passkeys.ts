/** Passkeys and tokens for all wings: what sessions, tunnels and the page share. */
import type { SessionPasskeys } from "../terminal/session-types.ts";
import { type TunnelClient, type TunnelToken, WingRefused } from "../tunnel/client.ts";
import type { Authenticator } from "./authenticator.ts";
import { PasskeyProblem } from "./problem.ts";
import { NOT_ALLOWED, notAllowed } from "./refusal.ts";
import { type OwnPasskey, Signer } from "./signer.ts";
import { WingTokens } from "./tokens.ts";
import { Unlocker } from "./unlock.ts";

export interface WingPasskeysDependencies {
  list(): Promise<OwnPasskey[]>;
  authenticator: Authenticator;
  now(): number;
  gesture(): boolean;
  /** Null for a wing that cannot be reached just now. */
  tunnel(wingId: string): TunnelClient | null;
  /** The key (base64) that this wing is trusted with. */
  trustedKey(wingId: string): string;
  /** What the owner is called; empty where that is not known. */
  owner(wingId: string): string;
  /** The wing lets this person in from now on. */
  onUnlocked(wingId: string): void;
}

export class WingPasskeys {
  readonly #tokens: WingTokens;
  readonly #signer: Signer;
  readonly #unlocker: Unlocker;

  constructor(private readonly dependencies: WingPasskeysDependencies) {
    this.#tokens = new WingTokens((wingId) => dependencies.onUnlocked(wingId));
    this.#signer = new Signer(() => dependencies.list(), dependencies.authenticator);
    this.#unlocker = new Unlocker(this.#signer, () => dependencies.now());
  }

  tunnelToken(wingId: string, publicKey: string): TunnelToken {
    return {
      current: () => this.#tokens.get(wingId, publicKey),
      refused: (token) => this.#tokens.refused(wingId, token),
    };
  }

  session(wingId: string): SessionPasskeys {
    const key = () => this.dependencies.trustedKey(wingId);
    return {
      token: () => this.#tokens.get(wingId, key()),
      keep: (token) => this.#tokens.keep(wingId, key(), token),
      refused: (token) => this.#tokens.refused(wingId, token),
      gesture: () => this.dependencies.gesture(),
      prepare: () => this.#signer.prepare(),
      sign: (challenge, keys, signal) => this.#signer.sign(challenge, keys, signal),
      unlock: (signal) => this.unlock(wingId, signal),
      notAllowed: () => this.notAllowed(wingId),
    };
  }

  /** Rejects with `PasskeyProblem` or `WingUnreachable`. */
  async unlock(wingId: string, signal: AbortSignal): Promise<void> {
    const tunnel = this.dependencies.tunnel(wingId);
    if (!tunnel) throw new PasskeyProblem("late", "The wing is not connected just now.");
    const key = this.dependencies.trustedKey(wingId);
    let token: string | null;
    try {
      token = await this.#unlocker.unlock(tunnel, signal);
    } catch (why) {
      if (why instanceof WingRefused && why.code === NOT_ALLOWED) {
        throw new PasskeyProblem("refused", this.notAllowed(wingId));
      }
      throw why;
    }
    if (token === null) this.dependencies.onUnlocked(wingId);
    else this.#tokens.keep(wingId, key, token);
  }

  notAllowed(wingId: string): string {
    return notAllowed(this.dependencies.owner(wingId));
  }

  /** Nobody is logged in any more. */
  clear(): void {
    this.#tokens.clear();
    this.#unlocker.clear();
  }
}
