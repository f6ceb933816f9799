import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, it, vi } from "vitest";

const SOURCE = readFileSync(new URL("../../public/service-worker.js", import.meta.url), "utf8");
const HASH = "#s/0a1b2c3d";

interface Shown {
  title: string;
  options: { body: string; tag?: string; renotify?: boolean; data: { hash: string } };
}

/** A window that the worker can see. `shows` is what it answers when it is asked; null for one that sleeps. */
class Page {
  told: unknown[] = [];
  focused = false;
  constructor(
    readonly url: string,
    private readonly shows: boolean | null = false,
  ) {}

  postMessage(message: { showing?: string }, ports: MessagePort[] = []): void {
    this.told.push(message);
    if (message.showing !== undefined && this.shows !== null) ports[0]?.postMessage(this.shows);
  }

  async focus(): Promise<void> {
    this.focused = true;
  }
}

/** The worker's script in a world of its own. */
class Worker {
  shown: Shown[] = [];
  opened: string[] = [];
  pages: Page[] = [];
  #handlers = new Map<string, (event: unknown) => void>();

  constructor() {
    const self = {
      addEventListener: (name: string, handler: (event: unknown) => void) => this.#handlers.set(name, handler),
      registration: {
        showNotification: async (title: string, options: Shown["options"]) => this.shown.push({ title, options }),
      },
      clients: {
        matchAll: async () => this.pages,
        openWindow: async (url: string) => this.opened.push(url),
      },
    };
    runInNewContext(SOURCE, { self, URL, MessageChannel, setTimeout, clearTimeout, Promise });
  }

  async #fire(name: string, fields: object): Promise<void> {
    let work: Promise<unknown> = Promise.resolve();
    this.#handlers.get(name)?.({ ...fields, waitUntil: (promise: Promise<unknown>) => (work = promise) });
    await work;
  }

  push(data: unknown): Promise<void> {
    const json = () => JSON.parse(typeof data === "string" ? data : JSON.stringify(data));
    return this.#fire("push", { data: data === undefined ? null : { json } });
  }

  tap(data: unknown): Promise<void> {
    return this.#fire("notificationclick", { notification: { close: vi.fn(), data } });
  }
}

describe("the service worker", () => {
  let worker: Worker;
  beforeEach(() => {
    worker = new Worker();
  });

  it("shows what is pushed", async () => {
    await worker.push({ title: "claude has ended", body: "work", url: `https://wt.example/app/${HASH}`, tag: HASH });
    expect(worker.shown).toEqual([
      {
        title: "claude has ended",
        options: { body: "work", icon: "/app/assets/icon-1.svg", tag: HASH, renotify: true, data: { hash: HASH } },
      },
    ]);
  });

  it.each([undefined, "no json", {}, { title: 7, body: null, url: "nonsense", tag: [] }, [], null])(
    "shows something whatever is pushed: %j",
    async (data) => {
      await worker.push(data);
      expect(worker.shown).toHaveLength(1);
      expect(worker.shown[0]?.title).toBe("A terminal wants your attention");
      expect(worker.shown[0]?.options.data.hash).toBe("#");
      expect(worker.shown[0]?.options).not.toHaveProperty("renotify");
    },
  );

  it("opens a window when there is none, and never one of another place", async () => {
    await worker.push({ title: "x", url: `https://evil.example/phish${HASH}` });
    await worker.tap(worker.shown[0]?.options.data);
    expect(worker.opened).toEqual([`/app/${HASH}`]);
    await worker.tap({ hash: 5 });
    await worker.tap(undefined);
    expect(worker.opened.slice(1)).toEqual(["/app/#", "/app/#"]);
  });

  it("brings the window to the front that shows the terminal", async () => {
    const [other, showing] = [new Page("https://wt/app/"), new Page("https://wt/app/", true)];
    worker.pages = [other, showing];
    await worker.tap({ hash: HASH });
    expect([other.focused, showing.focused, worker.opened]).toEqual([false, true, []]);
    expect(showing.told.at(-1)).toEqual({ hash: HASH });
    expect(other.told).toEqual([{ showing: HASH }]);
  });

  it("sends the last used window there when none does, even if it sleeps", async () => {
    const [claim, asleep, other] = [
      new Page("https://wt/auth/claim", true),
      new Page("https://wt/app/#s/ffffffff", null),
      new Page("https://wt/app/"),
    ];
    worker.pages = [claim, asleep, other];
    await worker.tap({ hash: HASH });
    expect([claim.focused, asleep.focused, other.focused]).toEqual([false, true, false]);
    expect(asleep.told.at(-1)).toEqual({ hash: HASH });
    expect(claim.told).toEqual([]);
  });
});
