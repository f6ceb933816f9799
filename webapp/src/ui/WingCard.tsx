import { useState } from "preact/hooks";
import { milliseconds } from "../state/format.ts";
import { formatRoute } from "../state/route.ts";
import { type Wing, wingName } from "../state/wing.ts";
import { useApp } from "./context.ts";
import { HistoryIcon, LockIcon, MoreIcon, PlusIcon } from "./icons.tsx";
import { KeyChange } from "./KeyChange.tsx";
import { LockDialog } from "./LockDialog.tsx";
import { Menu, MenuItem } from "./Menu.tsx";
import { NewTerminal } from "./NewTerminal.tsx";
import { RenameDialog } from "./RenameDialog.tsx";
import { SessionRow } from "./SessionRow.tsx";
import { Sharing } from "./sharing/Sharing.tsx";
import { Unlock } from "./Unlock.tsx";

type Open = "none" | "new" | "lock" | "rename" | "sharing";

export function WingCard({ wing, listed }: { wing: Wing; listed: boolean }) {
  const app = useApp();
  const [open, setOpen] = useState<Open>("none");
  const close = () => setOpen("none");
  const reachable = wing.online && !wing.keyChange && wing.publicKey !== "";
  const usable = reachable && wing.probe !== "locked" && wing.probe !== "refused";
  const name = wingName(wing);
  return (
    <article
      class={`wing-card ${wing.online ? "online" : "offline"}`}
      data-testid="wing-card"
      data-wing={wing.id}
      aria-label={name}
    >
      <header>
        <Status wing={wing} listed={listed} />
        <div class="wing-title">
          <h2>{name}</h2>
          <p class="dim wing-facts">
            <Facts wing={wing} listed={listed} />
          </p>
        </div>
        <div class="wing-actions">
          {wing.publicKey && (
            <button
              type="button"
              class="icon-button"
              aria-label="End-to-end encrypted: show the key"
              title="End-to-end encrypted"
              data-testid="lock"
              onClick={() => setOpen("lock")}
            >
              <LockIcon />
            </button>
          )}
          {usable && (
            <a
              class="icon-button"
              href={formatRoute({ view: "history", wingId: wing.id })}
              aria-label="History"
              title="History"
              data-testid="history"
            >
              <HistoryIcon />
            </a>
          )}
          <Menu label={`More for ${name}`} icon={<MoreIcon />} testId="wing-menu">
            <MenuItem testId="rename" disabled={!wing.online} onChoose={() => setOpen("rename")}>
              Rename…
            </MenuItem>
            {reachable && wing.probe === "ok" && (
              <MenuItem testId="sharing" onChoose={() => setOpen("sharing")}>
                Sharing…
              </MenuItem>
            )}
            {!wing.online && (
              <MenuItem testId="forget" danger onChoose={() => app.wings.forget(wing.id)}>
                Forget in this browser
              </MenuItem>
            )}
          </Menu>
          {usable && (
            <button type="button" class="button primary" data-testid="new-terminal" onClick={() => setOpen("new")}>
              <PlusIcon /> <span>New terminal</span>
            </button>
          )}
        </div>
      </header>
      {wing.keyChange && <KeyChange wingId={wing.id} name={name} change={wing.keyChange} />}
      {wing.online && wing.problem && !wing.keyChange && (
        <p class="problem" data-testid="wing-problem">
          {wing.problem}{" "}
          <button type="button" class="link" onClick={() => void app.wings.probe(wing.id)}>
            Ask again
          </button>
        </p>
      )}
      {reachable && wing.probe === "locked" && <Unlock wingId={wing.id} />}
      {reachable && wing.probe === "refused" && (
        <p class="problem" data-testid="not-allowed">
          {app.passkeys.notAllowed(wing.id)}
        </p>
      )}
      {usable && wing.sessions.length > 0 && (
        <ul class="session-list" aria-label={`Terminals on ${name}`}>
          {wing.sessions.map((session) => (
            <li key={session.session_id}>
              <SessionRow wing={wing} session={session} />
            </li>
          ))}
        </ul>
      )}
      {usable && wing.probe === "ok" && wing.sessions.length === 0 && <p class="dim none">No terminal is open.</p>}
      {open === "new" && <NewTerminal wing={wing} onClose={close} />}
      {open === "lock" && <LockDialog name={name} publicKey={wing.publicKey} onClose={close} />}
      {open === "sharing" && <Sharing wing={wing} onClose={close} />}
      {open === "rename" && <RenameDialog wing={wing} onClose={close} />}
    </article>
  );
}

function Status({ wing, listed }: { wing: Wing; listed: boolean }) {
  const word = !listed ? "checking" : wing.online ? "online" : "offline";
  return (
    <span class="wing-status" data-testid="wing-status" data-status={word}>
      <span class={`dot ${word === "online" ? "live" : word === "checking" ? "waiting" : "ended"}`} aria-hidden="true" />
      <span class="off-screen">{word}</span>
    </span>
  );
}

function Facts({ wing, listed }: { wing: Wing; listed: boolean }) {
  const app = useApp();
  const org = wing.orgId ? app.orgs.name(wing.orgId) || "an organisation" : "";
  const facts: string[] = [];
  if (listed && !wing.online) facts.push("offline");
  if (wing.info?.platform) facts.push(wing.info.platform);
  if (wing.info?.version) facts.push(`v${wing.info.version.replace(/^v/, "")}`);
  if (wing.info?.locked) facts.push("locked");
  if (wing.owner) facts.push(`of ${wing.owner}`);
  if (org) facts.push(`shared in ${org}`);
  if (wing.probe === "probing") facts.push("asking…");
  return (
    <>
      {facts.join(" · ")}
      {wing.roundTripMs !== null && (
        <span data-testid="rtt">
          {facts.length > 0 && " · "}
          {milliseconds(wing.roundTripMs)}
        </span>
      )}
    </>
  );
}
