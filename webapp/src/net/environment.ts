/** The real browser behind `Environment`. */
import type { Environment, WebSocketLike } from "./socket.ts";

export const browserEnvironment: Environment = {
  open: (url) => new WebSocket(url) as unknown as WebSocketLike,
  now: () => Date.now(),
  setTimer: (run, ms) => window.setTimeout(run, ms),
  clearTimer: (timer) => window.clearTimeout(timer as number),
  random: Math.random,
};

/** The absolute URL of a WebSocket path on this origin. */
export function socketUrl(path: string, query: Record<string, string> = {}): string {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}
