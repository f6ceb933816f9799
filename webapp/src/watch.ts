/** What the page and the machine under it tell the app: the address, the network, sleep, the keyboard's size. */
import type { App } from "./app.ts";

const HEARTBEAT_MS = 5000;
/** A timer this late means that the machine slept: connections may be dead without having been closed. */
const SLEPT_MS = 30_000;

export function watchPage(app: App): void {
  window.addEventListener("hashchange", () => app.hashChanged());

  window.addEventListener("online", () => reconnect(app));
  let lastBeat = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - lastBeat > HEARTBEAT_MS + SLEPT_MS) void afterSleep(app);
    lastBeat = now;
  }, HEARTBEAT_MS);

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    reconnect(app);
    const active = app.tabs.active.value;
    if (active) app.seen(active);
  });

  // iOS does not shrink the page for the keyboard; the visual viewport tells what is left.
  const viewport = window.visualViewport;
  const fit = () => {
    if (viewport) document.documentElement.style.setProperty("--app-height", `${viewport.height}px`);
  };
  viewport?.addEventListener("resize", fit);
  fit();
}

/** Ends countdowns: the person is back, or the network is. */
function reconnect(app: App): void {
  app.dashboard.value?.retryNow();
  for (const tab of app.tabs.tabs.value) {
    if (tab.session.phase.value.name === "disconnected") tab.session.again();
  }
}

async function afterSleep(app: App): Promise<void> {
  app.dashboard.value?.reset();
  const wings = new Set(app.tabs.tabs.value.map((tab) => tab.session.wingId));
  await Promise.all(
    [...wings].map(async (wingId) => {
      if (!(await app.wings.measure(wingId))) app.suspect(wingId);
    }),
  );
}
