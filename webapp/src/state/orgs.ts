/** The organisations that the person is in: their names on the wings' cards, and when to look again. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Org } from "../net/orgs.ts";

export class OrgsStore {
  readonly #list = signal<readonly Org[]>([]);
  readonly #changes = signal(0);
  #asked = 0;

  constructor(private readonly load: () => Promise<Org[]>) {}

  get list(): ReadonlySignal<readonly Org[]> {
    return this.#list;
  }

  /** Counts what has been heard of changes, so that an open page asks anew. */
  get changes(): ReadonlySignal<number> {
    return this.#changes;
  }

  /** Empty for no organisation, and for one of which the name is not known. */
  name(orgId: string): string {
    return this.#list.value.find((org) => org.id === orgId)?.name ?? "";
  }

  /** Rejects as `load` does; what was known stays. */
  async refresh(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const list = await this.load();
    if (asked !== this.#asked) return;
    this.#list.value = list;
    this.#changes.value += 1;
  }

  /** The same for whoever can do without: wings are shown without the names then. Never rejects; false when
   * nothing was heard. */
  async look(): Promise<boolean> {
    try {
      await this.refresh();
      return true;
    } catch (why) {
      console.info("the organisations are not known just now:", why);
      return false;
    }
  }

  /** Nobody is logged in any more. */
  clear(): void {
    this.#asked += 1;
    this.#list.value = [];
  }
}
