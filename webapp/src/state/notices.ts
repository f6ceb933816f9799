/** Short messages at the edge of the page. */
import { type ReadonlySignal, signal } from "@preact/signals";

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: "info" | "problem";
  readonly action: { label: string; run(): void } | null;
}

const SHOWN_MS = 6000;
const MOST = 4;

export class Notices {
  readonly #list = signal<readonly Notice[]>([]);
  #lastId = 0;

  constructor(private readonly setTimer: (run: () => void, ms: number) => unknown) {}

  get list(): ReadonlySignal<readonly Notice[]> {
    return this.#list;
  }

  /** One with an action stays until it is used or dismissed; the others leave by themselves. */
  show(text: string, tone: Notice["tone"] = "info", action: Notice["action"] = null): void {
    if (!action && this.#list.value.some((notice) => notice.text === text)) return;
    this.#lastId += 1;
    const id = this.#lastId;
    this.#list.value = [...this.#list.value, { id, text, tone, action }].slice(-MOST);
    if (!action) this.setTimer(() => this.dismiss(id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.#list.value = this.#list.value.filter((notice) => notice.id !== id);
  }
}
