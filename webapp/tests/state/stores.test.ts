/** The small stores: settings, trust, index of sessions, last used, storage itself, notices. */
import { describe, expect, it } from "vitest";
import { lastUsed, rememberUsed } from "../../src/state/last-used.ts";
import { Notices } from "../../src/state/notices.ts";
import { SessionIndex } from "../../src/state/session-index.ts";
import { FONT_SIZES, SettingsStore } from "../../src/state/settings.ts";
import { KEYS, MemoryStore, readJson, writeJson } from "../../src/state/storage.ts";
import { TrustStore } from "../../src/state/trust.ts";
import { FakeEnvironment } from "../support/environment.ts";

const DAMAGED = ["{", "null", "[]", "7", '{"theme":3,"fontSize":"x"}'];

describe("readJson and writeJson", () => {
  it("fall back on damage and report a full store", () => {
    const store = new MemoryStore();
    store.setItem("k", "{oops");
    expect(readJson(store, "k", "fallback", () => true)).toBe("fallback");
    store.setItem("k", "3");
    expect(readJson(store, "k", "fallback", (value) => typeof value === "string")).toBe("fallback");
    const full = {
      ...store,
      getItem: () => null,
      removeItem: () => undefined,
      setItem: () => {
        throw new Error("QuotaExceededError");
      },
    };
    expect(writeJson(full, "k", 1)).toBe(false);
    expect(writeJson(store, "k", 1)).toBe(true);
  });
});

describe("SettingsStore", () => {
  it("keeps choices", () => {
    const store = new MemoryStore();
    new SettingsStore(store, 14).change({ theme: "light", fontSize: 18 });
    expect(new SettingsStore(store, 14).value.value).toMatchObject({ theme: "light", fontSize: 18, notify: false });
  });
  it.each(DAMAGED)("starts with the defaults on %s", (text) => {
    const store = new MemoryStore();
    store.setItem(KEYS.settings, text);
    expect(new SettingsStore(store, 13).value.value).toMatchObject({ theme: "system", fontSize: 13 });
  });
  it("keeps the font within its bounds", () => {
    const settings = new SettingsStore(new MemoryStore(), 14);
    settings.change({ fontSize: 500 });
    expect(settings.value.value.fontSize).toBe(FONT_SIZES.most);
    settings.change({ fontSize: Number.NaN });
    expect(settings.value.value.fontSize).toBe(FONT_SIZES.least);
  });
});

describe("TrustStore", () => {
  it("trusts a wing's first key and no other until accepted", () => {
    const store = new MemoryStore();
    const trust = new TrustStore(store);
    expect(trust.check("w", "A")).toEqual({ trusted: true });
    expect(trust.check("w", "B")).toEqual({ trusted: false, known: "A" });
    expect(new TrustStore(store).check("w", "B")).toEqual({ trusted: false, known: "A" });
    trust.accept("w", "B");
    expect(new TrustStore(store).check("w", "B")).toEqual({ trusted: true });
    trust.forget("w");
    expect(new TrustStore(store).known("w")).toBeNull();
  });
  it("is not confused by names of JavaScript's own", () => {
    const trust = new TrustStore(new MemoryStore());
    expect(trust.known("constructor")).toBeNull();
    expect(trust.check("__proto__", "A")).toEqual({ trusted: true });
  });
});

describe("SessionIndex", () => {
  it("remembers, and forgets the oldest of very many", () => {
    const store = new MemoryStore();
    const index = new SessionIndex(store);
    for (let i = 0; i < 400; i++) index.remember(`s${i}`, "w");
    const again = new SessionIndex(store);
    expect(again.wingOf("s399")).toBe("w");
    expect(again.wingOf("s0")).toBeNull();
    index.remember("s399", "other");
    expect(new SessionIndex(store).wingOf("s399")).toBe("other");
  });
});

describe("last used", () => {
  it("is kept for each wing", () => {
    const store = new MemoryStore();
    expect(lastUsed(store, "w")).toBeNull();
    rememberUsed(store, "w", { agent: "claude", cwd: "/src" });
    expect(lastUsed(store, "w")).toEqual({ agent: "claude", cwd: "/src" });
    expect(lastUsed(store, "constructor")).toBeNull();
  });
});

describe("Notices", () => {
  it("leave by themselves, once each, unless there is something to do", () => {
    const environment = new FakeEnvironment();
    const notices = new Notices((run, ms) => environment.setTimer(run, ms));
    notices.show("Copied.");
    notices.show("Copied.");
    notices.show("Open it?", "info", { label: "Open", run: () => undefined });
    expect(notices.list.value.map((notice) => notice.text)).toEqual(["Copied.", "Open it?"]);
    environment.advance(60_000);
    expect(notices.list.value.map((notice) => notice.text)).toEqual(["Open it?"]);
    notices.dismiss(notices.list.value[0]?.id ?? 0);
    expect(notices.list.value).toEqual([]);
  });
});
