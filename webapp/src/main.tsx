/** Builds the app on the real browser and puts it into the page. */
import "@fontsource-variable/inter/index.css";
import "@fontsource-variable/jetbrains-mono/index.css";
import "@xterm/xterm/css/xterm.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/surfaces.css";
import "./styles/wings.css";
import "./styles/terminal.css";
import "./styles/account.css";
import "./styles/figures.css";
import "./styles/passkey.css";
import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { App } from "./app.ts";
import { browserEnvironment } from "./net/environment.ts";
import { Notifier } from "./notify/notifications.ts";
import { SettingsStore } from "./state/settings.ts";
import { browserStore } from "./state/storage.ts";
import { installCspStyles } from "./terminal/csp-styles.ts";
import { TerminalView } from "./terminal/view.ts";
import { AppContext } from "./ui/context.ts";
import { Root } from "./ui/Root.tsx";
import { currentTheme, followTheme } from "./ui/theme.ts";
import { watchPage } from "./watch.ts";

declare global {
  interface Window {
    /** For browser tests; reads only. */
    __wt: { screenText(): string };
  }
}

installCspStyles();

const local = browserStore("localStorage");
const settings = new SettingsStore(local, matchMedia("(pointer: coarse)").matches ? 13 : 14);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const app = new App({
  environment: browserEnvironment,
  local,
  perTab: browserStore("sessionStorage"),
  settings,
  notifier: (goTo) => new Notifier(goTo),
  newView: (readOnly) => {
    const { fontSize, screenReader } = settings.value.value;
    return new TerminalView({ fontSize, theme: currentTheme(), readOnly, screenReader, blink: !calm });
  },
});

followTheme(settings, (theme) => {
  for (const tab of untracked(() => app.tabs.tabs.value)) tab.view.setTheme(theme);
});
effect(() => {
  const { fontSize, screenReader } = settings.value.value;
  for (const tab of untracked(() => app.tabs.tabs.value)) {
    tab.view.setFontSize(fontSize);
    tab.view.terminal.options.screenReaderMode = screenReader;
  }
});

window.__wt = { screenText: () => app.tabs.active.value?.view.screenText() ?? "" };

watchPage(app);
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");
render(
  <AppContext.Provider value={app}>
    <Root />
  </AppContext.Provider>,
  root,
);
void app.start();
