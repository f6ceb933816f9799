import { useState } from "preact/hooks";
import { agentName, milliseconds, sentence } from "../state/format.ts";
import type { Tab } from "../state/tab.ts";
import { shortPath, wingName } from "../state/wing.ts";
import { useApp } from "./context.ts";
import { CopyIcon, DetachIcon, EyeIcon, KillIcon, LockIcon, MoreIcon, SearchIcon } from "./icons.tsx";
import { KillDialog } from "./KillDialog.tsx";
import { LockDialog } from "./LockDialog.tsx";
import { Menu, MenuItem } from "./Menu.tsx";

interface ToolbarProps {
  tab: Tab;
  onFind(): void;
  onCopy(): void;
  onPaste(): void;
  onText(): void;
}

export function TerminalToolbar({ tab, onFind, onCopy, onPaste, onText }: ToolbarProps) {
  const app = useApp();
  const { session } = tab;
  const [dialog, setDialog] = useState<"none" | "lock" | "kill">("none");
  const [whole, setWhole] = useState(tab.view.whole);
  const wing = app.wings.wings.value.find((candidate) => candidate.id === session.wingId);
  const name = wing ? wingName(wing) : "wing";
  const key = app.trust.known(session.wingId) ?? wing?.publicKey ?? "";
  const phase = session.phase.value.name;
  const over = phase === "exited";
  const where = shortPath(session.cwd.value, wing?.info?.home);
  const { fontSize } = app.settings.value.value;
  const entry = wing?.sessions.find((candidate) => candidate.session_id === session.sessionId);
  const notRecorded = over ? undefined : entry?.recording_error;
  return (
    <div class="toolbar" role="toolbar" aria-label="Terminal">
      <div class="toolbar-title">
        <strong>{agentName(session.agent.value || "terminal")}</strong>
        <span class="dim toolbar-where">
          {name}
          {where && <span class="mono"> {where}</span>}
        </span>
        {session.spectating && (
          <span class="tag" data-testid="spectating">
            <EyeIcon /> <span class="tag-text">Watching</span>
          </span>
        )}
        {notRecorded && (
          <button
            type="button"
            class="tag warn"
            title={sentence(notRecorded)}
            data-testid="not-recorded"
            onClick={() => app.notices.show(sentence(notRecorded), "problem")}
          >
            Not recorded
          </button>
        )}
      </div>
      <span class="rtt numbers dim" data-testid="rtt" title="Time to the wing and back">
        {wing?.roundTripMs != null && phase === "live" ? milliseconds(wing.roundTripMs) : ""}
      </span>
      {key && (
        <button
          type="button"
          class="icon-button secure"
          aria-label="End-to-end encrypted: show the key"
          title="End-to-end encrypted"
          data-testid="lock"
          onClick={() => setDialog("lock")}
        >
          <LockIcon />
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label="Find in the scrollback"
        title="Find (Ctrl+Shift+F)"
        data-testid="find"
        onClick={onFind}
      >
        <SearchIcon />
      </button>
      <button type="button" class="icon-button wide-only" aria-label="Copy" title="Copy (Ctrl+Shift+C)" onClick={onCopy}>
        <CopyIcon />
      </button>
      <Menu label="More" icon={<MoreIcon />} testId="terminal-menu">
        {!session.spectating && <MenuItem onChoose={onPaste}>Paste</MenuItem>}
        <MenuItem testId="show-text" onChoose={onText}>
          Show as text…
        </MenuItem>
        {session.spectating && (
          <MenuItem
            testId="whole-screen"
            onChoose={() => {
              tab.view.showWhole(!whole);
              setWhole(!whole);
            }}
          >
            {whole ? "Readable size" : "Whole screen"}
          </MenuItem>
        )}
        <MenuItem testId="font-larger" onChoose={() => app.settings.change({ fontSize: fontSize + 1 })}>
          Larger font
        </MenuItem>
        <MenuItem testId="font-smaller" onChoose={() => app.settings.change({ fontSize: fontSize - 1 })}>
          Smaller font
        </MenuItem>
        <MenuItem onChoose={() => app.go({ view: "history", wingId: session.wingId })}>History of {name}</MenuItem>
      </Menu>
      <button
        type="button"
        class="icon-button"
        aria-label={over ? "Close" : "Detach: leave the program running"}
        title={over ? "Close" : "Detach (the program goes on)"}
        data-testid="detach"
        onClick={() => app.detach(tab)}
      >
        <DetachIcon />
      </button>
      {!over && !session.spectating && (
        <button
          type="button"
          class="icon-button"
          aria-label="Kill"
          title="Kill…"
          data-testid="kill"
          disabled={session.sessionId === null}
          onClick={() => setDialog("kill")}
        >
          <KillIcon />
        </button>
      )}
      {dialog === "lock" && <LockDialog name={name} publicKey={key} onClose={() => setDialog("none")} />}
      {dialog === "kill" && session.sessionId !== null && (
        <KillDialog
          wingId={session.wingId}
          sessionId={session.sessionId}
          description={`${agentName(session.agent.value)} in ${where || "~"} on ${name}`}
          direct={() => session.kill()}
          onClose={() => setDialog("none")}
        />
      )}
    </div>
  );
}
