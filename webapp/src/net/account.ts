/** The account of the person who is logged in: how they get in, from where, what they use, what is kept of them. */
import { call } from "./http.ts";
import { type Fields, fields, flag, identifier, list, number, text } from "./shape.ts";

/** Times are Unix seconds everywhere; 0 is "not known". */
export interface Profile {
  id: string;
  name: string;
  email: string;
  provider: string;
  createdAt: number;
}

export interface SignInMethod {
  id: string;
  provider: string;
  name: string;
  email: string;
  linkedAt: number;
  usedAt: number;
}

export interface Methods {
  methods: SignInMethod[];
  available: { provider: string; name: string }[];
}

/** A machine's token. */
export interface Device {
  id: string;
  wingId: string;
  issuedAt: number;
  expiresAt: number;
  usedAt: number;
}

export interface BrowserSession {
  id: string;
  current: boolean;
  createdAt: number;
  usedAt: number;
  address: string;
  agent: string;
}

export interface LogEntry {
  id: string;
  at: number;
  action: string;
  subject: string;
  address: string;
  who: string;
  /** What the user is called whose account it is about, where that is somebody else. */
  about: string;
}

export interface Usage {
  tier: string;
  bytes: number;
  cap: number | null;
  exceeded: boolean;
  notice: boolean;
  /** "2026-11", in UTC. */
  month: string;
  resetsAt: number;
  days: { day: string; bytes: number }[];
  /** The organisation whose seat gives the tier; empty when it is the person's own. */
  viaOrg: string;
}

export interface Deletion {
  deleted: { id: string; name: string }[];
  blocking: { id: string; name: string; why: string }[];
  /** Why the person's own plan stands against it; empty when it does not. */
  planBlocking: string;
  wings: number;
}

const method = (from: Fields): SignInMethod | null => {
  const id = identifier(from, "id");
  if (!id) return null;
  return {
    id,
    provider: text(from, "provider"),
    name: text(from, "name"),
    email: text(from, "email"),
    linkedAt: number(from, "linked_at"),
    usedAt: number(from, "used_at"),
  };
};

const device = (from: Fields): Device | null => {
  const id = identifier(from, "id");
  if (!id) return null;
  return {
    id,
    wingId: text(from, "wing_id"),
    issuedAt: number(from, "issued_at"),
    expiresAt: number(from, "expires_at"),
    usedAt: number(from, "used_at"),
  };
};

const session = (from: Fields): BrowserSession | null => {
  const id = identifier(from, "id");
  if (!id) return null;
  return {
    id,
    current: flag(from, "current"),
    createdAt: number(from, "created_at"),
    usedAt: number(from, "used_at"),
    address: text(from, "address"),
    agent: text(from, "agent"),
  };
};

export const logEntry = (from: Fields): LogEntry => ({
  id: identifier(from, "id"),
  at: number(from, "at"),
  action: text(from, "action"),
  subject: text(from, "subject"),
  address: text(from, "address"),
  who: text(from, "who"),
  about: text(from, "account") === text(from, "actor") ? "" : text(from, "account_name"),
});

function usage(answer: unknown): Usage {
  const from = fields(answer);
  return {
    tier: text(from, "tier"),
    bytes: number(from, "usage_bytes"),
    cap: typeof from.cap_bytes === "number" ? from.cap_bytes : null,
    exceeded: flag(from, "exceeded"),
    notice: flag(from, "notice"),
    month: text(from, "month"),
    resetsAt: number(from, "resets_at"),
    days: Array.isArray(from.days)
      ? list(from.days, (entry) => ({ day: text(entry, "day"), bytes: number(entry, "bytes") }))
      : [],
    viaOrg: text(from, "via_org"),
  };
}

function deletion(answer: unknown): Deletion {
  const from = fields(answer);
  return {
    deleted: list(from.orgs_deleted, (entry) => ({ id: text(entry, "id"), name: text(entry, "name") })),
    blocking: list(from.orgs_blocking, (entry) => ({
      id: text(entry, "id"),
      name: text(entry, "name"),
      why: text(entry, "why"),
    })),
    planBlocking: text(from, "plan_blocking"),
    wings: number(from, "wings"),
  };
}

const id = encodeURIComponent;

/** One page of a log, the newest first; `before` is the id of the last entry of the page before. */
export async function readLog(path: string, before: string): Promise<LogEntry[]> {
  return list(await call("GET", before ? `${path}?before=${id(before)}` : path), logEntry);
}

export const account = {
  profile: async (): Promise<Profile> => {
    const from = fields(await call("GET", "/api/app/profile"));
    return {
      id: text(from, "id"),
      name: text(from, "display_name"),
      email: text(from, "email"),
      provider: text(from, "provider"),
      createdAt: number(from, "created_at"),
    };
  },
  rename: (name: string) => call("PUT", "/api/app/profile", { display_name: name }),

  methods: async (): Promise<Methods> => {
    const from = fields(await call("GET", "/api/app/methods"));
    return {
      methods: list(from.methods, method),
      available: list(from.available, (entry) => {
        const provider = text(entry, "provider");
        return provider ? { provider, name: text(entry, "name") || provider } : null;
      }),
    };
  },
  /** The page of the provider to go to; empty where a message has been sent instead. */
  link: async (provider: string, email?: string): Promise<string> => {
    const from = fields(await call("POST", `/api/app/methods/${id(provider)}/link`, email ? { email } : {}));
    return text(from, "location");
  },
  unlink: (methodId: string) => call("DELETE", `/api/app/methods/${id(methodId)}`),

  devices: async () => list(await call("GET", "/api/app/devices"), device),
  revokeDevice: (deviceId: string) => call("DELETE", `/api/app/devices/${id(deviceId)}`),
  revokeAllDevices: () => call("DELETE", "/api/app/devices"),

  sessions: async () => list(await call("GET", "/api/app/sessions"), session),
  revokeSession: (sessionId: string) => call("DELETE", `/api/app/sessions/${id(sessionId)}`),
  revokeOtherSessions: () => call("DELETE", "/api/app/sessions"),

  usage: async () => usage(await call("GET", "/api/app/usage")),
  upgrade: () => call("POST", "/api/app/upgrade", {}),
  downgrade: () => call("POST", "/api/app/downgrade", {}),

  deletion: async () => deletion(await call("GET", "/api/app/account/deletion")),
  remove: (confirm: string) => call("DELETE", "/api/app/account", { confirm }),
};
