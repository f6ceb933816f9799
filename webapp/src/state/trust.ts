/**
 * Which key each wing had when it was last seen. The first key is taken as it comes; another one later is a
 * warning that the person must accept before anything is sent to that wing.
 */
import { isRecord, KEYS, type KeyValue, readJson, writeJson } from "./storage.ts";

export type Verdict = { trusted: true } | { trusted: false; known: string };

export class TrustStore {
  #known: Record<string, string>;

  constructor(private readonly store: KeyValue) {
    const kept = readJson<Record<string, unknown>>(store, KEYS.trusted, {}, isRecord);
    this.#known = Object.fromEntries(
      Object.entries(kept).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  }

  /** Compares with the key last seen; a wing never seen before is trusted from now on. */
  check(wingId: string, publicKey: string): Verdict {
    const known = this.known(wingId);
    if (known === null) this.accept(wingId, publicKey);
    else if (known !== publicKey) return { trusted: false, known };
    return { trusted: true };
  }

  known(wingId: string): string | null {
    return Object.hasOwn(this.#known, wingId) ? (this.#known[wingId] ?? null) : null;
  }

  accept(wingId: string, publicKey: string): void {
    this.#known = { ...this.#known, [wingId]: publicKey };
    writeJson(this.store, KEYS.trusted, this.#known);
  }

  forget(wingId: string): void {
    const { [wingId]: _gone, ...rest } = this.#known;
    this.#known = rest;
    writeJson(this.store, KEYS.trusted, rest);
  }
}
