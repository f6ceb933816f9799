/** What the person has chosen for this browser. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { isRecord, KEYS, type KeyValue, readJson, writeJson } from "./storage.ts";

export type ThemeChoice = "system" | "dark" | "light";

export interface Settings {
  theme: ThemeChoice;
  fontSize: number;
  notify: boolean;
  screenReader: boolean;
}

export const FONT_SIZES = { least: 9, most: 28 };
export const THEMES: readonly ThemeChoice[] = ["system", "dark", "light"];

export class SettingsStore {
  readonly #value;

  /** `defaultFontSize`: what suits this screen, until the person chooses. */
  constructor(
    private readonly store: KeyValue,
    defaultFontSize: number,
  ) {
    const kept = readJson<Record<string, unknown>>(store, KEYS.settings, {}, isRecord);
    this.#value = signal<Settings>({
      theme: THEMES.find((theme) => theme === kept.theme) ?? "system",
      fontSize: clampFontSize(typeof kept.fontSize === "number" ? kept.fontSize : defaultFontSize),
      notify: kept.notify === true,
      screenReader: kept.screenReader === true,
    });
  }

  get value(): ReadonlySignal<Settings> {
    return this.#value;
  }

  change(part: Partial<Settings>): void {
    const next = { ...this.#value.value, ...part };
    next.fontSize = clampFontSize(next.fontSize);
    this.#value.value = next;
    writeJson(this.store, KEYS.settings, next);
  }
}

function clampFontSize(pixels: number): number {
  if (!Number.isFinite(pixels)) return FONT_SIZES.least;
  return Math.min(FONT_SIZES.most, Math.max(FONT_SIZES.least, Math.round(pixels)));
}
