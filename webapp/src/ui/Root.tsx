import { useEffect } from "preact/hooks";
import { Account } from "./account/Account.tsx";
import { BandwidthBanner, ConnectionBanner } from "./Banner.tsx";
import { SECTION_WORDS } from "../state/account.ts";
import { useApp } from "./context.ts";
import { GetIn, Unreachable } from "./GetIn.tsx";
import { History } from "./History.tsx";
import { Recording } from "./Recording.tsx";
import { TerminalPane } from "./TerminalPane.tsx";
import { Toasts } from "./Toasts.tsx";
import { TopBar } from "./TopBar.tsx";
import { Wings } from "./Wings.tsx";
import { WingIcon } from "./icons.tsx";

export function Root() {
  const app = useApp();
  const login = app.login.value;
  if (login.name === "loading") return <div class="loading" role="status" aria-label="Loading" />;
  if (login.name === "out") return <GetIn />;
  if (login.name === "unreachable") return <Unreachable message={login.message} />;
  return (
    <div class="frame">
      <TopBar />
      <ConnectionBanner />
      <BandwidthBanner />
      <View />
      <Toasts />
    </div>
  );
}

function View() {
  const app = useApp();
  const route = app.route.value;
  const active = app.tabs.active.value;
  const waiting = app.tabs.tabs.value.filter((tab) => tab.attention.value).length;
  const account = route.view === "account" ? (route.section ? SECTION_WORDS[route.section].name : "Account") : "";
  const name = active ? active.title.value || active.session.agent.value || "terminal" : account;
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${name ? `${name} · ` : ""}wingthing`;
  }, [waiting, name]);
  return (
    <>
      {app.tabs.tabs.value.map((tab) => (
        <TerminalPane key={tab.key} tab={tab} active={tab === active} />
      ))}
      {!active && route.view === "wings" && <Wings />}
      {!active && route.view === "terminal" && <DeepLink />}
      {!active && route.view === "history" && <History wingId={route.wingId} />}
      {!active && route.view === "account" && <Account section={route.section} orgId={route.orgId} />}
      {!active && route.view === "recording" && <Recording wingId={route.wingId} sessionId={route.sessionId} />}
    </>
  );
}

function DeepLink() {
  const app = useApp();
  if (app.lookup.value !== "missing") {
    return (
      <main class="page center">
        <p class="dim" role="status">
          Looking for this terminal on your wings…
        </p>
      </main>
    );
  }
  return (
    <main class="page center" data-testid="session-missing">
      <span class="get-in-mark">
        <WingIcon />
      </span>
      <h1>This terminal is not to be found</h1>
      <p>It has ended, or its machine is offline or locked just now.</p>
      <button type="button" class="button primary" onClick={() => app.home()}>
        Show my wings
      </button>
    </main>
  );
}
