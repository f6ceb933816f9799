/** What this browser keeps between visits, as JSON under named keys. */

export interface KeyValue {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export const KEYS = {
  settings: "wt.settings",
  wings: "wt.wings",
  trusted: "wt.trusted",
  sessions: "wt.sessions",
  tabs: "wt.tabs",
  lastUsed: "wt.last-used",
  signIn: "wt.sign-in",
} as const;

/** The value under `key`, or `fallback` when there is none or what is there is damaged. */
export function readJson<T>(store: KeyValue, key: string, fallback: T, valid: (value: unknown) => boolean): T {
  const text = store.getItem(key);
  if (text === null) return fallback;
  try {
    const value: unknown = JSON.parse(text);
    if (valid(value)) return value as T;
  } catch {
    // Damaged: written over with the next change.
  }
  return fallback;
}

/** False when the browser refuses (storage full or switched off): what was to be kept lives until reload. */
export function writeJson(store: KeyValue, key: string, value: unknown): boolean {
  try {
    store.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export class MemoryStore implements KeyValue {
  readonly #items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
}

/** The browser's own store, or one in memory where it is switched off (then even reading it throws). */
export function browserStore(which: "localStorage" | "sessionStorage"): KeyValue {
  try {
    return window[which];
  } catch {
    return new MemoryStore();
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
