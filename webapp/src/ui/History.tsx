/** The terminals that were on a wing, newest first; those that were recorded can be played. */
import { useEffect, useState } from "preact/hooks";
import { agentName, sentence } from "../state/format.ts";
import { formatRoute } from "../state/route.ts";
import { shortPath, wingName } from "../state/wing.ts";
import { listHistory } from "../tunnel/calls.ts";
import type { HistoryEntry } from "../tunnel/types.ts";
import { useApp } from "./context.ts";
import { BackIcon, PlayIcon } from "./icons.tsx";
import { Unlock } from "./Unlock.tsx";

const PAGE = 50;
const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function History({ wingId }: { wingId: string }) {
  const app = useApp();
  const wing = app.wings.wings.value.find((candidate) => candidate.id === wingId);
  const [entries, setEntries] = useState<HistoryEntry[]>([]);
  const [total, setTotal] = useState<number | null>(null);
  const [problem, setProblem] = useState("");
  const reachable = wing?.online === true && !wing.keyChange;
  const locked = wing?.probe === "locked";

  const load = async (offset: number) => {
    const tunnel = app.wings.tunnel(wingId);
    if (!tunnel) return;
    setProblem("");
    try {
      const page = await listHistory(tunnel, offset, PAGE);
      setEntries((known) => [...known.slice(0, offset), ...page.sessions]);
      setTotal(page.total);
    } catch (why) {
      setProblem(why instanceof Error ? why.message : String(why));
    }
  };

  useEffect(() => {
    if (reachable && !locked) void load(0);
  }, [wingId, reachable, locked]);

  return (
    <main class="page" data-testid="history-page">
      <div class="page-head">
        <a class="icon-button" href={formatRoute({ view: "wings" })} aria-label="Back to the wings">
          <BackIcon />
        </a>
        <h1>History</h1>
        <p class="dim">{wing ? wingName(wing) : ""}</p>
      </div>
      {!reachable && app.wings.listed.value && <p class="problem">This wing is not connected just now.</p>}
      {reachable && locked && <Unlock wingId={wingId} />}
      {problem && !locked && (
        <p class="problem">
          {problem}{" "}
          <button type="button" class="link" onClick={() => void load(entries.length)}>
            Try again
          </button>
        </p>
      )}
      {total === 0 && <p class="dim">No terminal has ended here yet.</p>}
      <ul class="history-list">
        {entries.map((entry) => (
          <li key={entry.session_id} class="history-item" data-testid="history-item" data-session={entry.session_id}>
            <span class="session-agent">{agentName(entry.agent)}</span>
            <span class="mono session-where">{shortPath(entry.cwd ?? "", wing?.info?.home) || "~"}</span>
            {entry.recording_error && (
              <span class="session-warning" title={sentence(entry.recording_error)} data-testid="not-recorded">
                {sentence(entry.recording_error)}
              </span>
            )}
            <time class="dim">{entry.started_at ? WHEN.format(entry.started_at * 1000) : ""}</time>
            {entry.audit ? (
              <a
                class="button small"
                data-testid="play-recording"
                href={formatRoute({ view: "recording", wingId, sessionId: entry.session_id })}
              >
                <PlayIcon /> Play
              </a>
            ) : (
              <span class="dim">not recorded</span>
            )}
          </li>
        ))}
      </ul>
      {total !== null && entries.length < total && (
        <button type="button" class="button" data-testid="history-more" onClick={() => void load(entries.length)}>
          Show more
        </button>
      )}
    </main>
  );
}
