import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const KEY = "BPk_"; // 4 characters of base64url: three bytes.
const BYTES = new Uint8Array([4, 249, 63]);

class FakeSubscription {
  ended = false;
  readonly endpoint = "https://push.example/1";
  readonly options: { applicationServerKey: ArrayBuffer };
  constructor(
    private readonly manager: FakeManager,
    key: Uint8Array,
  ) {
    this.options = { applicationServerKey: key.slice().buffer };
  }

  async unsubscribe(): Promise<boolean> {
    this.ended = true;
    this.manager.subscription = null;
    return true;
  }
}

class FakeManager {
  subscription: FakeSubscription | null = null;
  asked: { userVisibleOnly: boolean; applicationServerKey: Uint8Array }[] = [];
  broken = false;

  getSubscription = async () => this.subscription;
  subscribe = async (options: { userVisibleOnly: boolean; applicationServerKey: Uint8Array }) => {
    this.asked.push(options);
    if (this.broken) throw new DOMException("no service", "AbortError");
    this.subscription = new FakeSubscription(this, options.applicationServerKey);
    return this.subscription;
  };
}

describe("Web Push in this browser", () => {
  let manager: FakeManager;
  let registered: string[];
  let push: typeof import("../../src/notify/push.ts");
  let permission: string;

  beforeEach(async () => {
    vi.resetModules();
    manager = new FakeManager();
    registered = [];
    permission = "granted";
    const registration = { active: {}, pushManager: manager, scope: "https://wt/app/" };
    const serviceWorker = {
      register: async (script: string) => {
        registered.push(script);
        return registration;
      },
      getRegistration: async () => (registered.length ? registration : undefined),
      getRegistrations: async () => [registration],
    };
    const notification = { permission: "default", requestPermission: async () => permission };
    vi.stubGlobal("navigator", { serviceWorker });
    vi.stubGlobal("Notification", notification);
    vi.stubGlobal("window", { isSecureContext: true, PushManager: class {}, Notification: notification });
    push = await import("../../src/notify/push.ts");
  });

  afterEach(() => vi.unstubAllGlobals());

  it("subscribes with the server's key, once", async () => {
    expect(await push.current()).toBeNull();
    expect(registered).toEqual([]);
    const made = await push.subscribe(KEY);
    expect(registered).toEqual([expect.stringContaining("service-worker.js")]);
    expect(manager.asked).toEqual([{ userVisibleOnly: true, applicationServerKey: BYTES }]);
    expect(await push.current()).toBe(made);
    expect(await push.subscribe(KEY)).toBe(made);
    expect(manager.asked).toHaveLength(1);
  });

  it("takes the place of a subscription for another key", async () => {
    const old = new FakeSubscription(manager, new Uint8Array([1, 2, 3]));
    manager.subscription = old;
    await push.subscribe(KEY);
    expect([old.ended, manager.asked.length]).toEqual([true, 1]);
  });

  it("ends it, and says which it was", async () => {
    expect(await push.unsubscribe()).toBeNull();
    const made = await push.subscribe(KEY);
    expect(await push.unsubscribe()).toBe(made);
    expect(await push.current()).toBeNull();
  });

  it("says in a sentence what stands in the way", async () => {
    permission = "denied";
    await expect(push.subscribe(KEY)).rejects.toThrow("blocked for this page");
    permission = "granted";
    manager.broken = true;
    const said = vi.spyOn(console, "warn").mockImplementation(() => {});
    await expect(push.subscribe(KEY)).rejects.toThrow("push service cannot be reached");
    expect(said).toHaveBeenCalled();
    vi.stubGlobal("window", { isSecureContext: false });
    expect(push.supported()).toBe(false);
    await expect(push.subscribe(KEY)).rejects.toThrow("offers no notifications");
  });

  it("knows the id that the server gives it", async () => {
    // printf %s https://push.example/1 | sha256sum
    expect(await push.idOf({ endpoint: "https://push.example/1" })).toBe("5ba15fff965f44afa55aa4fa");
  });
});
