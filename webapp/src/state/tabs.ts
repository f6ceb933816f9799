/** The open terminals and which one is in front. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { isRecord, KEYS, type KeyValue, readJson, writeJson } from "./storage.ts";
import type { KeptTab, Tab } from "./tab.ts";

export class TabsStore {
  readonly #tabs = signal<readonly Tab[]>([]);
  readonly #activeKey = signal<number | null>(null);
  readonly active: ReadonlySignal<Tab | null> = computed(
    () => this.#tabs.value.find((tab) => tab.key === this.#activeKey.value) ?? null,
  );

  /** `store` lives as long as this browser tab: each has its own terminals. */
  constructor(private readonly store: KeyValue) {}

  get tabs(): ReadonlySignal<readonly Tab[]> {
    return this.#tabs;
  }

  /** The terminals that were open when the page was left. */
  kept(): KeptTab[] {
    return readJson<unknown[]>(this.store, KEYS.tabs, [], Array.isArray).filter(isKeptTab);
  }

  add(tab: Tab): void {
    this.#tabs.value = [...this.#tabs.value, tab];
    this.save();
  }

  find(sessionId: string, spectate: boolean): Tab | undefined {
    return this.#tabs.value.find((tab) => tab.matches(sessionId, spectate));
  }

  activate(tab: Tab | null): void {
    this.#activeKey.value = tab?.key ?? null;
  }

  /** Takes the tab away; answers its neighbour, which is to come to the front if it was there. */
  remove(tab: Tab): Tab | null {
    const position = this.#tabs.value.indexOf(tab);
    this.#tabs.value = this.#tabs.value.filter((other) => other !== tab);
    this.save();
    return this.#tabs.value[Math.min(Math.max(position, 0), this.#tabs.value.length - 1)] ?? null;
  }

  save(): void {
    writeJson(
      this.store,
      KEYS.tabs,
      this.#tabs.value.map((tab) => tab.keep()).filter((kept) => kept !== null),
    );
  }
}

function isKeptTab(value: unknown): value is KeptTab {
  return isRecord(value) && typeof value.wingId === "string" && typeof value.sessionId === "string";
}
