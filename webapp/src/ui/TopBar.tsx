import type { Tab } from "../state/tab.ts";
import { agentName } from "../state/format.ts";
import { formatRoute } from "../state/route.ts";
import { AccountMenu } from "./AccountMenu.tsx";
import { useApp } from "./context.ts";
import { CloseIcon, EyeIcon, WingIcon } from "./icons.tsx";
import { SettingsButton } from "./Settings.tsx";

export function TopBar() {
  const app = useApp();
  const tabs = app.tabs.tabs.value;
  const active = app.tabs.active.value;

  return (
    <header class="top-bar">
      <a
        class="brand"
        href={formatRoute({ view: "wings" })}
        aria-label="wingthing: all wings"
        aria-current={active || app.route.value.view !== "wings" ? undefined : "page"}
        data-testid="home"
        onClick={(event) => {
          event.preventDefault();
          app.home();
        }}
      >
        <WingIcon />
        <span class="brand-name">wingthing</span>
      </a>
      <nav class="tab-strip" aria-label="Open terminals">
        {tabs.map((tab) => (
          <TabButton key={tab.key} tab={tab} active={tab === active} />
        ))}
      </nav>
      <AccountMenu />
      <SettingsButton />
    </header>
  );
}

function TabButton({ tab, active }: { tab: Tab; active: boolean }) {
  const app = useApp();
  const { session } = tab;
  const phase = session.phase.value.name;
  const folder = session.cwd.value.split("/").filter(Boolean).at(-1);
  const name = tab.title.value || [agentName(session.agent.value || "terminal"), folder].filter(Boolean).join(" · ");
  const state = phase === "live" ? "live" : phase === "exited" || phase === "failed" ? "ended" : "waiting";
  return (
    <div class={`tab ${active ? "active" : ""}`} data-testid="tab" data-session={session.sessionId ?? ""}>
      <button
        type="button"
        aria-current={active ? "page" : undefined}
        class="tab-name"
        title={name}
        onClick={() => app.show(tab)}
        onAuxClick={(event) => {
          if (event.button === 1) app.detach(tab);
        }}
      >
        <span class={`dot ${state}`} aria-hidden="true" />
        {session.spectating && <EyeIcon />}
        <span class="tab-text">{name}</span>
        {tab.attention.value && (
          <span class="badge" data-testid="attention">
            !<span class="off-screen">wants attention</span>
          </span>
        )}
      </button>
      <button
        type="button"
        class="icon-button tab-close"
        aria-label={`Detach ${name}`}
        title="Detach (the program goes on)"
        onClick={() => app.detach(tab)}
      >
        <CloseIcon />
      </button>
    </div>
  );
}
