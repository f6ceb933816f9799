/** The requests of protocol.md section 5, typed, with lists that others may send as null made lists. */
import type { TunnelClient } from "./client.ts";
import type { DirEntry, HistoryEntry, HistoryPage, Listing, SessionEntry, WingInfo } from "./types.ts";

export const wingInfo = (tunnel: TunnelClient): Promise<WingInfo> => tunnel.request<WingInfo>({ type: "wing.info" });

/**
 * What is in a folder; without a path, in the one that the wing offers, or which ones it offers. `hidden` (ours):
 * also entries that begin with a dot.
 */
export async function listFolder(tunnel: TunnelClient, path: string, hidden: boolean): Promise<Listing> {
  const asked = hidden ? { type: "dir.list", path, hidden } : { type: "dir.list", path };
  const answer = await tunnel.request<{ entries?: DirEntry[] | null; hidden?: boolean }>(asked);
  return { entries: answer.entries ?? [], hidden: answer.hidden === true };
}

export async function listSessions(tunnel: TunnelClient): Promise<SessionEntry[]> {
  const answer = await tunnel.request<{ sessions?: SessionEntry[] | null }>({ type: "sessions.list" });
  return answer.sessions ?? [];
}

export async function listHistory(tunnel: TunnelClient, offset: number, limit: number): Promise<HistoryPage> {
  const answer = await tunnel.request<{ sessions?: HistoryEntry[] | null; total?: number }>({
    type: "sessions.history",
    offset,
    limit,
  });
  const sessions = answer.sessions ?? [];
  return { sessions, total: answer.total ?? offset + sessions.length };
}

export async function killSession(tunnel: TunnelClient, sessionId: string): Promise<void> {
  await tunnel.request({ type: "pty.kill", session_id: sessionId });
}

/** Far less than what a node keeps for a slow reader before it cuts the reader off. */
const RECORDING_PART_BYTES = 1024 * 1024;

/**
 * The recording of a session as asciicast v2 text. `onProgress` is told the characters received so far.
 *
 * `limit` and `offset` are ours: a wing that knows them sends about `limit` bytes and says with the last part
 * (`next`) which `offset` to go on from, so that a long recording comes as fast as it is taken. A wing that
 * does not sends all at once.
 */
export async function fetchRecording(
  tunnel: TunnelClient,
  sessionId: string,
  onProgress: (characters: number) => void,
): Promise<string> {
  const parts: string[] = [];
  let total = 0;
  const take = (data: string) => {
    parts.push(data);
    total += data.length;
    onProgress(total);
  };
  const request = { type: "audit.request", session_id: sessionId, kind: "pty", limit: RECORDING_PART_BYTES };
  let offset = 0;
  for (;;) {
    const { next } = await tunnel.stream(offset === 0 ? request : { ...request, offset }, take);
    if (typeof next !== "number" || next <= offset) return parts.join("");
    offset = next;
  }
}
