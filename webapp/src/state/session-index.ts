/** Which wing each terminal session was last seen on, so that a deep link need not ask every wing. */
import { isRecord, KEYS, type KeyValue, readJson, writeJson } from "./storage.ts";

const MOST = 300;

export class SessionIndex {
  #wings: Map<string, string>;

  constructor(private readonly store: KeyValue) {
    const kept = readJson<Record<string, unknown>>(store, KEYS.sessions, {}, isRecord);
    this.#wings = new Map(Object.entries(kept).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  }

  wingOf(sessionId: string): string | null {
    return this.#wings.get(sessionId) ?? null;
  }

  remember(sessionId: string, wingId: string): void {
    if (this.#wings.get(sessionId) === wingId) return;
    this.#wings.delete(sessionId);
    this.#wings.set(sessionId, wingId);
    for (const oldest of this.#wings.keys()) {
      if (this.#wings.size <= MOST) break;
      this.#wings.delete(oldest);
    }
    writeJson(this.store, KEYS.sessions, Object.fromEntries(this.#wings));
  }
}
