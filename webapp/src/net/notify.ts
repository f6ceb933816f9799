/** Where a terminal's call for attention goes besides this page: Web Push to browsers, and a topic at ntfy. */
import { ApiError, call, webAddress } from "./http.ts";
import { fields, flag, identifier, list, number, text } from "./shape.ts";

export type NotifyEvent = "attention" | "exit";

export const ALL_EVENTS: NotifyEvent[] = ["attention", "exit"];

export interface Push {
  /** The server's VAPID key, base64url; empty where it sends none. */
  key: string;
  events: NotifyEvent[];
  subscriptions: { id: string; agent: string; createdAt: number }[];
}

export interface Ntfy {
  topic: string;
  /** Whether a token is kept; it is never told. */
  hasToken: boolean;
  events: NotifyEvent[];
  /** The ntfy server that the topic is of. */
  server: string;
}

export interface WantedNtfy {
  topic: string;
  /** Empty: the one that is kept stays; null: it goes. */
  token: string | null;
  events: NotifyEvent[];
}

/** Events as a list or as a comma list; what is not known here is left out. */
export function notifyEvents(value: unknown): NotifyEvent[] {
  const named = typeof value === "string" ? value.split(",") : Array.isArray(value) ? value : [];
  return ALL_EVENTS.filter((event) => named.some((name) => String(name).trim() === event));
}

function ntfy(answer: unknown): Ntfy {
  const from = fields(answer);
  return {
    topic: text(from, "topic"),
    hasToken: flag(from, "has_token"),
    events: notifyEvents(from.events),
    server: webAddress(from.server) ?? "",
  };
}

export const push = {
  get: async (): Promise<Push> => {
    const from = fields(await call("GET", "/api/app/push"));
    return {
      key: text(from, "key"),
      events: notifyEvents(from.events),
      subscriptions: list(from.subscriptions, (entry) => {
        const id = identifier(entry, "id");
        return id ? { id, agent: text(entry, "agent"), createdAt: number(entry, "created_at") } : null;
      }),
    };
  },
  add: (subscription: PushSubscriptionJSON) =>
    call("POST", "/api/app/push", { endpoint: subscription.endpoint, keys: subscription.keys }),
  setEvents: (events: NotifyEvent[]) => call("PUT", "/api/app/push", { events: events.join(",") }),
  /** One that is gone already, taken away from another browser, is as good. */
  remove: async (id: string): Promise<void> => {
    try {
      await call("DELETE", `/api/app/push/${encodeURIComponent(id)}`);
    } catch (why) {
      if (!(why instanceof ApiError && why.status === 404)) throw why;
    }
  },
  test: () => call("POST", "/api/app/push/test", {}),
};

export const ntfyApi = {
  get: async () => ntfy(await call("GET", "/api/app/ntfy")),
  save: ({ topic, token, events }: WantedNtfy) =>
    call("POST", "/api/app/ntfy", { topic, token, events: events.join(",") }),
  generate: async () => text(fields(await call("POST", "/api/app/ntfy/generate", {})), "topic"),
  test: () => call("POST", "/api/app/ntfy/test", {}),
};
