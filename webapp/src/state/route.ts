/** The part of the address after `#`: which view is shown. Deep links to a session are `#s/<session_id>`. */
import { isSection, type Section } from "./account.ts";

export type Route =
  | { view: "wings" }
  | { view: "terminal"; sessionId: string; spectate: boolean }
  | { view: "history"; wingId: string }
  | { view: "recording"; wingId: string; sessionId: string }
  /** `section` is null for the account's start page, `orgId` unless the page is of one organisation. */
  | { view: "account"; section: Section | null; orgId: string | null };

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
  if (kind === "account") {
    const section = isSection(first) ? first : null;
    return { view: "account", section, orgId: (section === "orgs" && second) || null };
  }
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
    case "account":
      return ["#account", route.section, route.orgId && id(route.orgId)].filter(Boolean).join("/");
  }
}

export const accountPage = (section: Section | null, orgId: string | null = null): string =>
  formatRoute({ view: "account", section, orgId });
