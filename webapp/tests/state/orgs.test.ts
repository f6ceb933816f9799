import { describe, expect, it, vi } from "vitest";
import type { Org } from "../../src/net/orgs.ts";
import { OrgsStore } from "../../src/state/orgs.ts";

const org = (id: string, name: string) => ({ id, name }) as Org;

describe("OrgsStore", () => {
  it("names the organisations that it knows", async () => {
    const store = new OrgsStore(() => Promise.resolve([org("o1", "Acme")]));
    expect(store.name("o1")).toBe("");
    await store.refresh();
    expect(store.name("o1")).toBe("Acme");
    expect(store.name("o2")).toBe("");
    store.clear();
    expect(store.name("o1")).toBe("");
  });

  it("counts what it hears, and keeps what it knew when it hears nothing", async () => {
    const load = vi.fn().mockResolvedValueOnce([org("o1", "Acme")]).mockRejectedValueOnce(new Error("away"));
    const store = new OrgsStore(load);
    await store.refresh();
    expect(store.changes.value).toBe(1);
    await expect(store.refresh()).rejects.toThrow("away");
    expect(store.changes.value).toBe(1);
    expect(store.name("o1")).toBe("Acme");
  });

  it("looks without a word when nothing is heard", async () => {
    const store = new OrgsStore(() => Promise.reject(new Error("away")));
    expect(await store.look()).toBe(false);
    expect(store.changes.value).toBe(0);
    expect(await new OrgsStore(() => Promise.resolve([])).look()).toBe(true);
  });

  it("does not let an answer that comes late undo a newer one", async () => {
    let late: (orgs: Org[]) => void = () => undefined;
    const load = vi
      .fn()
      .mockReturnValueOnce(new Promise<Org[]>((resolve) => (late = resolve)))
      .mockResolvedValueOnce([org("o1", "New")]);
    const store = new OrgsStore(load);
    const first = store.refresh();
    await store.refresh();
    late([org("o1", "Old")]);
    await first;
    expect(store.name("o1")).toBe("New");
  });

  it("does not bring back what was cleared while it was asked for", async () => {
    let late: (orgs: Org[]) => void = () => undefined;
    const store = new OrgsStore(() => new Promise((resolve) => (late = resolve)));
    const asking = store.refresh();
    store.clear();
    late([org("o1", "Acme")]);
    await asking;
    expect(store.list.value).toEqual([]);
  });
});
