/** What was last opened on each wing, to be offered first the next time. */
import { isRecord, KEYS, type KeyValue, readJson, writeJson } from "./storage.ts";

export interface LastUsed {
  agent: string;
  cwd: string;
}

export function lastUsed(store: KeyValue, wingId: string): LastUsed | null {
  const all = readJson<Record<string, unknown>>(store, KEYS.lastUsed, {}, isRecord);
  const one = Object.hasOwn(all, wingId) ? all[wingId] : null;
  return isRecord(one) && typeof one.agent === "string" && typeof one.cwd === "string"
    ? { agent: one.agent, cwd: one.cwd }
    : null;
}

export function rememberUsed(store: KeyValue, wingId: string, used: LastUsed): void {
  const all = readJson<Record<string, unknown>>(store, KEYS.lastUsed, {}, isRecord);
  writeJson(store, KEYS.lastUsed, { ...all, [wingId]: used });
}
