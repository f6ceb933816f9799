import { describe, expect, it } from "vitest";
import { signal } from "@preact/signals";
import { MemoryStore } from "../../src/state/storage.ts";
import { Tab } from "../../src/state/tab.ts";
import { TabsStore } from "../../src/state/tabs.ts";
import type { Phase, TerminalSession } from "../../src/terminal/session.ts";
import type { TerminalView } from "../../src/terminal/view.ts";

let key = 0;
function tab(sessionId: string | null, phase: Phase = { name: "live" }, spectating = false): Tab {
  key += 1;
  const session = {
    sessionId,
    spectating,
    wingId: "w",
    phase: signal(phase),
    agent: signal("shell"),
    cwd: signal("/src"),
  };
  const view = { onTitle: () => undefined };
  return new Tab(key, session as unknown as TerminalSession, view as unknown as TerminalView);
}

describe("TabsStore", () => {
  it("keeps running terminals over a reload", () => {
    const store = new MemoryStore();
    const tabs = new TabsStore(store);
    tabs.add(tab("cafe0001"));
    tabs.add(tab(null));
    tabs.add(tab("cafe0002", { name: "exited", exitCode: 0, error: null, asked: false }));
    tabs.add(tab("cafe0001", { name: "live" }, true));
    expect(new TabsStore(store).kept()).toEqual([
      { wingId: "w", sessionId: "cafe0001", spectate: false, agent: "shell", cwd: "/src" },
      { wingId: "w", sessionId: "cafe0001", spectate: true, agent: "shell", cwd: "/src" },
    ]);
  });

  it("takes nothing damaged for a tab", () => {
    const store = new MemoryStore();
    store.setItem("wt.tabs", '[1,{"wingId":"w"},{"wingId":"w","sessionId":"s"}]');
    expect(new TabsStore(store).kept()).toHaveLength(1);
  });

  it("tells watching a session from controlling it", () => {
    const tabs = new TabsStore(new MemoryStore());
    const watching = tab("cafe0001", { name: "live" }, true);
    tabs.add(watching);
    expect(tabs.find("cafe0001", true)).toBe(watching);
    expect(tabs.find("cafe0001", false)).toBeUndefined();
  });

  it("hands the front to the neighbour", () => {
    const tabs = new TabsStore(new MemoryStore());
    const [a, b, c] = [tab("a"), tab("b"), tab("c")];
    for (const one of [a, b, c]) tabs.add(one);
    tabs.activate(c);
    expect(tabs.remove(c)).toBe(b);
    expect(tabs.active.value).toBeNull();
    expect(tabs.remove(a)).toBe(b);
    expect(tabs.remove(b)).toBeNull();
  });

  it("takes the title from the terminal", () => {
    const one = tab("a");
    one.view.onTitle("vim");
    expect(one.title.value).toBe("vim");
  });
});
