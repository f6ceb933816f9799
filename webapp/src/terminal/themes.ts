/** The sixteen colours and their surroundings, dark and light; each colour readable on its background. */
import type { ITheme } from "@xterm/xterm";

export interface TerminalTheme {
  colours: ITheme;
  /** Behind what was found: every match, and the one that is looked at, which stands out most. */
  found: { match: string; current: string };
}

const dark: ITheme = {
  background: "#0d1013",
  foreground: "#dfe3e8",
  cursor: "#66d0b8",
  cursorAccent: "#0d1013",
  selectionBackground: "#2f4f58",
  scrollbarSliderBackground: "#ffffff22",
  scrollbarSliderHoverBackground: "#ffffff44",
  scrollbarSliderActiveBackground: "#ffffff55",
  black: "#22282f",
  red: "#f0727a",
  green: "#7fcf8a",
  yellow: "#e2bd6b",
  blue: "#74b0f4",
  magenta: "#c79bf2",
  cyan: "#66d0b8",
  white: "#c8ced6",
  brightBlack: "#7f8a97",
  brightRed: "#ff959b",
  brightGreen: "#a3e4ab",
  brightYellow: "#f3d48d",
  brightBlue: "#9cc9ff",
  brightMagenta: "#dcbcff",
  brightCyan: "#92e6d3",
  brightWhite: "#ffffff",
};

const light: ITheme = {
  background: "#fdfcfa",
  foreground: "#22272e",
  cursor: "#0b6e5f",
  cursorAccent: "#fdfcfa",
  selectionBackground: "#c4e3db",
  scrollbarSliderBackground: "#00000022",
  scrollbarSliderHoverBackground: "#00000044",
  scrollbarSliderActiveBackground: "#00000055",
  black: "#22272e",
  red: "#b3261e",
  green: "#1f6f32",
  yellow: "#7d5700",
  blue: "#1558b0",
  magenta: "#7d3cb5",
  cyan: "#0b6e74",
  white: "#5c646e",
  brightBlack: "#626b76",
  brightRed: "#c8372e",
  brightGreen: "#25803b",
  brightYellow: "#8a6100",
  brightBlue: "#1d66c7",
  brightMagenta: "#8b49c4",
  brightCyan: "#0e7a80",
  brightWhite: "#3a4149",
};

export const terminalThemes: Record<"dark" | "light", TerminalTheme> = {
  dark: { colours: dark, found: { match: "#4a4122", current: "#805900" } },
  light: { colours: light, found: { match: "#f4e6bd", current: "#ffbe3d" } },
};
