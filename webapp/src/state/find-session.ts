/** Looks for the wing of a terminal of which only the id is known. */
import { listSessions } from "../tunnel/calls.ts";
import type { WingsStore } from "./wings.ts";

/** Asks every wing that can be reached; the first that has the session wins. Null when none has. */
export async function wingOfSession(wings: WingsStore, sessionId: string): Promise<string | null> {
  const online = wings.wings.value.filter((wing) => wing.online);
  const answers = online.map(async (wing) => {
    const tunnel = wings.tunnel(wing.id);
    const sessions = tunnel ? await listSessions(tunnel) : [];
    if (!sessions.some((session) => session.session_id === sessionId)) throw new Error("not here");
    return wing.id;
  });
  try {
    return await Promise.any(answers);
  } catch {
    return null; // No wing has it.
  }
}
