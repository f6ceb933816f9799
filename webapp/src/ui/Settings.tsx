/** How this browser shows the app: theme, font size, accessibility; and the shortcuts. */
import { useState } from "preact/hooks";
import { FONT_SIZES, THEMES, type ThemeChoice } from "../state/settings.ts";
import { useApp } from "./context.ts";
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
    </Dialog>
  );
}
