/** Theme, font size, notifications, accessibility, usage, logging out; and the shortcuts. */
import { useEffect, useState } from "preact/hooks";
import { api, type Usage } from "../net/api.ts";
import { askPermission, permission } from "../notify/notifications.ts";
import { bytes } from "../state/format.ts";
import { FONT_SIZES, THEMES, type ThemeChoice } from "../state/settings.ts";
import { useApp } from "./context.ts";
import { Devices } from "./Devices.tsx";
import { Dialog } from "./Dialog.tsx";
import { GearIcon } from "./icons.tsx";
import { SHORTCUTS } from "./shortcuts.ts";

export function SettingsButton() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class="icon-button"
        aria-label="Settings"
        title="Settings"
        data-testid="settings"
        onClick={() => setOpen(true)}
      >
        <GearIcon />
      </button>
      {open && <SettingsDialog onClose={() => setOpen(false)} />}
    </>
  );
}

const THEME_NAMES: Record<ThemeChoice, string> = { system: "As the system", dark: "Dark", light: "Light" };

function SettingsDialog({ onClose }: { onClose(): void }) {
  const app = useApp();
  const settings = app.settings.value.value;
  const login = app.login.value;
  return (
    <Dialog title="Settings" testId="settings-dialog" onClose={onClose}>
      <fieldset class="choice" data-testid="theme">
        <legend>Colours</legend>
        <div class="segmented">
          {THEMES.map((theme) => (
            <label key={theme}>
              <input
                type="radio"
                name="theme"
                value={theme}
                checked={settings.theme === theme}
                onChange={() => app.settings.change({ theme })}
              />
              <span>{THEME_NAMES[theme]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <label class="setting">
        <span>Font size of terminals</span>
        <span class="stepper">
          <input
            type="range"
            min={FONT_SIZES.least}
            max={FONT_SIZES.most}
            value={settings.fontSize}
            data-testid="font-size"
            onInput={(event) => app.settings.change({ fontSize: Number(event.currentTarget.value) })}
          />
          <output class="numbers">{settings.fontSize} px</output>
        </span>
      </label>
      <NotifySetting />
      <label class="setting">
        <span>
          Screen reader support
          <small>Terminals announce their output; costs some speed.</small>
        </span>
        <input
          type="checkbox"
          class="switch"
          checked={settings.screenReader}
          onChange={(event) => app.settings.change({ screenReader: event.currentTarget.checked })}
        />
      </label>
      <details>
        <summary>Keyboard shortcuts</summary>
        <dl class="shortcuts">
          {SHORTCUTS.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </details>
      <Devices />
      <UsageLine />
      <div class="dialog-actions split">
        <span class="dim">{login.name === "in" ? `Logged in as ${login.me.display_name || login.me.id}` : ""}</span>
        <button type="button" class="button" data-testid="logout" onClick={() => void app.logout()}>
          Log out
        </button>
      </div>
    </Dialog>
  );
}

function NotifySetting() {
  const app = useApp();
  const [granted, setGranted] = useState(permission());
  const explanation = {
    unsupported: "This browser offers none on this page (they need https or localhost).",
    denied: "Blocked for this page: allow them in the browser's settings.",
    default: "When a terminal wants your attention and you are looking elsewhere.",
    granted: "When a terminal wants your attention and you are looking elsewhere.",
  }[granted];
  const toggle = async (wanted: boolean) => {
    const now = wanted ? await askPermission() : granted;
    setGranted(now);
    app.settings.change({ notify: wanted && now === "granted" });
  };
  return (
    <label class="setting">
      <span>
        Notifications
        <small>{explanation}</small>
      </span>
      <input
        type="checkbox"
        class="switch"
        data-testid="notifications"
        disabled={granted === "unsupported" || granted === "denied"}
        checked={app.settings.value.value.notify && granted === "granted"}
        onChange={(event) => void toggle(event.currentTarget.checked)}
      />
    </label>
  );
}

/** Only where there is a limit: without one the number is of no use to anybody. */
function UsageLine() {
  const [usage, setUsage] = useState<Usage | null>(null);
  useEffect(() => {
    let here = true;
    api.usage().then(
      (answer) => here && setUsage(answer),
      (why: unknown) => console.warn("usage is not available:", why),
    );
    return () => {
      here = false;
    };
  }, []);
  if (!usage || usage.cap_bytes === null) return null;
  return (
    <p class="dim" data-testid="usage">
      {bytes(usage.usage_bytes)} of {bytes(usage.cap_bytes)} relayed this month
      {usage.exceeded ? ": the limit is reached, terminals are slowed down." : "."}
    </p>
  );
}
