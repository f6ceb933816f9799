/** Fetches a recording through the tunnel and plays it. */
import { useEffect, useState } from "preact/hooks";
import { type Cast, parseCast } from "../player/cast.ts";
import { bytes } from "../state/format.ts";
import { formatRoute } from "../state/route.ts";
import { wingName } from "../state/wing.ts";
import { fetchRecording } from "../tunnel/calls.ts";
import { useApp } from "./context.ts";
import { BackIcon } from "./icons.tsx";
import { Player } from "./Player.tsx";

export function Recording({ wingId, sessionId }: { wingId: string; sessionId: string }) {
  const app = useApp();
  const wing = app.wings.wings.value.find((candidate) => candidate.id === wingId);
  const [cast, setCast] = useState<Cast | null>(null);
  const [received, setReceived] = useState(0);
  const [problem, setProblem] = useState("");
  const [attempt, setAttempt] = useState(0);
  const reachable = wing?.online === true && !wing.keyChange;

  useEffect(() => {
    if (!reachable || cast) return;
    let here = true;
    const load = async () => {
      const tunnel = app.wings.tunnel(wingId);
      if (!tunnel) return;
      setProblem("");
      try {
        const text = await fetchRecording(tunnel, sessionId, (characters) => here && setReceived(characters));
        if (here) setCast(parseCast(text));
      } catch (why) {
        if (here) setProblem(why instanceof Error ? why.message : String(why));
      }
    };
    void load();
    return () => {
      here = false;
    };
  }, [app, wingId, sessionId, reachable, attempt]);

  useEffect(() => {
    // Before the screen, which takes keys too.
    const leave = (event: KeyboardEvent) => {
      if (event.key === "Escape") app.go({ view: "history", wingId });
    };
    document.addEventListener("keydown", leave, true);
    return () => document.removeEventListener("keydown", leave, true);
  }, [app, wingId]);

  return (
    <main class="pane recording" aria-label="Recording">
      <div class="toolbar">
        <a class="icon-button" href={formatRoute({ view: "history", wingId })} aria-label="Back to the history">
          <BackIcon />
        </a>
        <div class="toolbar-title">
          <h1>Recording</h1>
          <span class="dim toolbar-where">
            {wing ? wingName(wing) : ""} <span class="mono">{sessionId}</span>
          </span>
        </div>
        {cast && cast.damagedLines > 0 && <span class="tag">{cast.damagedLines} damaged lines left out</span>}
      </div>
      {cast && <Player cast={cast} />}
      {!cast && (
        <div class="page center">
          {problem || (app.wings.listed.value && !reachable) ? (
            <>
              <p class="problem">{problem || "This wing is not connected just now."}</p>
              <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
                Try again
              </button>
            </>
          ) : (
            <p class="dim" role="status">
              Fetching the recording… {received > 0 && <span class="numbers">{bytes(received)}</span>}
            </p>
          )}
        </div>
      )}
    </main>
  );
}
