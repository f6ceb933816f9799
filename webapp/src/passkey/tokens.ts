/**
 * What each wing has given for a passkey: shown again, it spares the next question. In memory alone, so that it
 * goes with the page. A token is for the holder of one key: under another key of the same wing it is not shown.
 */

interface Kept {
  token: string;
  publicKey: string;
}

const TOKEN = /^[0-9a-f]{64}$/;

export class WingTokens {
  readonly #kept = new Map<string, Kept>();

  /** `onKept` is told of each new one. */
  constructor(private readonly onKept: (wingId: string) => void) {}

  /** Empty when there is none. */
  get(wingId: string, publicKey: string): string {
    const kept = this.#kept.get(wingId);
    return kept && kept.publicKey === publicKey ? kept.token : "";
  }

  keep(wingId: string, publicKey: string, token: string): void {
    if (!TOKEN.test(token)) return;
    this.#kept.set(wingId, { token, publicKey });
    this.onKept(wingId);
  }

  /** The wing does not take this one any more. A newer one stays. */
  refused(wingId: string, token: string): void {
    if (this.#kept.get(wingId)?.token === token) this.#kept.delete(wingId);
  }

  clear(): void {
    this.#kept.clear();
  }
}
