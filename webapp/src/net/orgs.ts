/** Organisations: who is in them, who is invited, and their plan. */
import { call, webAddress } from "./http.ts";
import { type Fields, fields, flag, identifier, list, number, text } from "./shape.ts";

export type Role = "owner" | "admin" | "member";

export interface Org {
  id: string;
  slug: string;
  name: string;
  /** Of the person who asks. */
  role: Role;
  isOwner: boolean;
  members: number;
  invites: number;
  createdAt: number;
  plan: string;
  seats: number;
}

export interface Member {
  userId: string;
  name: string;
  email: string;
  role: Role;
  joinedAt: number;
}

export interface Invite {
  id: string;
  email: string;
  role: Role;
  createdAt: number;
  expiresAt: number;
  invitedBy: string;
}

/** What came of one invitation: its link works once, for that address only. */
export interface Invited {
  email: string;
  link: string;
  /** Whether a letter with the link is known to have gone. */
  mailed: boolean;
}

const role = (from: Fields): Role => {
  const told = text(from, "role");
  return told === "owner" || told === "admin" ? told : "member";
};

const org = (from: Fields): Org | null => {
  const orgId = identifier(from, "id");
  if (!orgId) return null;
  return {
    id: orgId,
    slug: text(from, "slug"),
    name: text(from, "name") || text(from, "slug") || orgId,
    role: role(from),
    isOwner: flag(from, "is_owner") || role(from) === "owner",
    members: number(from, "members"),
    invites: number(from, "invites"),
    createdAt: number(from, "created_at"),
    plan: text(from, "plan"),
    seats: number(from, "seats"),
  };
};

const member = (from: Fields): Member | null => {
  const userId = identifier(from, "user_id");
  if (!userId) return null;
  return {
    userId,
    name: text(from, "display_name") || text(from, "email") || userId,
    email: text(from, "email"),
    role: role(from),
    joinedAt: number(from, "joined_at"),
  };
};

const invite = (from: Fields): Invite | null => {
  const inviteId = identifier(from, "id");
  if (!inviteId) return null;
  return {
    id: inviteId,
    email: text(from, "email"),
    role: role(from),
    createdAt: number(from, "created_at"),
    expiresAt: number(from, "expires_at"),
    invitedBy: text(from, "invited_by"),
  };
};

function one(answer: unknown): Org {
  const read = org(fields(answer));
  if (!read) throw new Error("The server did not name the organisation.");
  return read;
}

const at = (orgId: string, rest = "") => `/api/orgs/${encodeURIComponent(orgId)}${rest}`;
const memberAt = (orgId: string, userId: string) => at(orgId, `/members/${encodeURIComponent(userId)}`);

export const orgs = {
  list: async () => list(await call("GET", "/api/orgs"), org),
  get: async (orgId: string) => one(await call("GET", at(orgId))),
  create: async (name: string) => one(await call("POST", "/api/orgs", { name })),
  rename: (orgId: string, name: string) => call("PUT", at(orgId), { name }),
  remove: (orgId: string) => call("DELETE", at(orgId)),

  members: async (orgId: string) => list(await call("GET", at(orgId, "/members")), member),
  setRole: (orgId: string, userId: string, to: Role) => call("PUT", memberAt(orgId, userId), { role: to }),
  removeMember: (orgId: string, userId: string) => call("DELETE", memberAt(orgId, userId)),
  transfer: (orgId: string, userId: string) => call("POST", at(orgId, "/transfer"), { user_id: userId }),

  invites: async (orgId: string) => list(await call("GET", at(orgId, "/invites")), invite),
  invite: async (orgId: string, emails: string[], to: Role): Promise<Invited[]> => {
    const answer = fields(await call("POST", at(orgId, "/invite"), { emails, role: to }));
    return list(answer.invited, (entry) => ({
      email: text(entry, "email"),
      link: webAddress(entry.link) ?? "",
      mailed: flag(entry, "mailed"),
    }));
  },
  revokeInvite: (orgId: string, inviteId: string) =>
    call("POST", at(orgId, `/invites/${encodeURIComponent(inviteId)}/revoke`), {}),

  upgrade: (orgId: string, seats: number) => call("POST", at(orgId, "/upgrade"), { seats }),
  cancel: (orgId: string) => call("POST", at(orgId, "/cancel"), {}),
};

export const orgLog = (orgId: string): string => at(orgId, "/audit");
