/** The part of the address after `#`: which view is shown. Deep links to a session are `#s/<session_id>`. */

export type Route =
  | { view: "wings" }
  | { view: "terminal"; sessionId: string; spectate: boolean }
  | { view: "history"; wingId: string }
  | { view: "recording"; wingId: string; sessionId: string };

export function parseRoute(hash: string): Route {
  let parts: string[];
  try {
    parts = hash.replace(/^#/, "").split("/").map(decodeURIComponent);
  } catch {
    return { view: "wings" };
  }
  const [kind, first, second] = parts;
  if (kind === "s" && first) return { view: "terminal", sessionId: first, spectate: false };
  if (kind === "v" && first) return { view: "terminal", sessionId: first, spectate: true };
  if (kind === "h" && first && second) return { view: "recording", wingId: first, sessionId: second };
  if (kind === "h" && first) return { view: "history", wingId: first };
  return { view: "wings" };
}

export function formatRoute(route: Route): string {
  const id = encodeURIComponent;
  switch (route.view) {
    case "wings":
      return "#";
    case "terminal":
      return `#${route.spectate ? "v" : "s"}/${id(route.sessionId)}`;
    case "history":
      return `#h/${id(route.wingId)}`;
    case "recording":
      return `#h/${id(route.wingId)}/${id(route.sessionId)}`;
  }
}
