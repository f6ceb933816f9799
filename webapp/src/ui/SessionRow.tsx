import { useState } from "preact/hooks";
import { ago, agentName, sentence } from "../state/format.ts";
import { shortPath, type Wing } from "../state/wing.ts";
import type { SessionEntry } from "../tunnel/types.ts";
import { useApp } from "./context.ts";
import { useNow } from "./hooks.ts";
import { EyeIcon, KillIcon } from "./icons.tsx";
import { KillDialog } from "./KillDialog.tsx";

export function SessionRow({ wing, session }: { wing: Wing; session: SessionEntry }) {
  const app = useApp();
  const now = useNow(30_000);
  const [killing, setKilling] = useState(false);
  const open = app.tabs.find(session.session_id, false) !== undefined;
  const what = { wingId: wing.id, sessionId: session.session_id, agent: session.agent, cwd: session.cwd ?? "" };
  const where = shortPath(session.cwd ?? "", wing.info?.home);
  const facts = [
    session.created_at ? ago(session.created_at, now / 1000) : "",
    session.audit && !session.recording_error ? "recorded" : "",
    session.email ?? "",
    open ? "open here" : "",
  ].filter(Boolean);
  return (
    <div class="session-row" data-testid="session-row" data-session={session.session_id}>
      <button type="button" class="session-open" data-testid="attach" onClick={() => app.open(what)}>
        <span class="session-agent">{agentName(session.agent)}</span>
        <span class="session-where">
          <span class="mono">{where || "~"}</span>
          {session.title && <span class="session-title dim">{session.title}</span>}
        </span>
        {session.recording_error && (
          <span class="session-warning" title={sentence(session.recording_error)} data-testid="not-recorded">
            {sentence(session.recording_error)}
          </span>
        )}
        {session.needs_attention && (
          <span class="badge" data-testid="attention">
            !<span class="off-screen">wants attention</span>
          </span>
        )}
        <span class="session-facts dim">{facts.join(" · ")}</span>
      </button>
      {wing.info?.spectate && (
        <button
          type="button"
          class="icon-button"
          aria-label={`Watch ${agentName(session.agent)} in ${where} without typing`}
          title="Watch without typing"
          data-testid="spectate"
          onClick={() => app.open({ ...what, spectate: true })}
        >
          <EyeIcon />
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={`Kill ${agentName(session.agent)} in ${where}`}
        title="Kill…"
        data-testid="kill"
        onClick={() => setKilling(true)}
      >
        <KillIcon />
      </button>
      {killing && (
        <KillDialog
          wingId={wing.id}
          sessionId={session.session_id}
          description={`${agentName(session.agent)} in ${where || "~"}`}
          onClose={() => setKilling(false)}
        />
      )}
    </div>
  );
}
