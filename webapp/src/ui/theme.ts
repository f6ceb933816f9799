/** Applies the chosen colours to the page and tells which the terminals should have. */
import { effect, signal } from "@preact/signals";
import type { SettingsStore } from "../state/settings.ts";
import { type TerminalTheme, terminalThemes } from "../terminal/themes.ts";

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const dark = signal(true);

export const currentTheme = (): TerminalTheme => (dark.value ? terminalThemes.dark : terminalThemes.light);

/** Follows the settings and the system from now on; `onChange` gets each theme, the first at once. */
export function followTheme(settings: SettingsStore, onChange: (theme: TerminalTheme) => void): void {
  const system = signal(systemDark.matches);
  systemDark.addEventListener("change", () => {
    system.value = systemDark.matches;
  });
  effect(() => {
    const { theme } = settings.value.value;
    dark.value = theme === "system" ? system.value : theme === "dark";
    document.documentElement.dataset.theme = dark.value ? "dark" : "light";
    onChange(currentTheme());
  });
}
