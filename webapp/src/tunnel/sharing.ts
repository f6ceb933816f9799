/** Who may use a wing: `allow.*` and `paths.*` of protocol.md section 5. The wing answers its owner and its admins. */
import type { TunnelClient } from "./client.ts";

/** Somebody who may use a locked wing. */
export interface Allowed {
  /** Base64 of the passkey's public key; empty as long as none has been used. */
  key: string;
  userId: string;
  email: string;
}

export interface SharedFolder {
  path: string;
  /** E-mail addresses or ids; empty for everybody who may use the wing. */
  members: string[];
}

interface WireAllowed {
  key?: string | null;
  user_id?: string | null;
  email?: string | null;
}

export async function listAllowed(tunnel: TunnelClient): Promise<Allowed[]> {
  const answer = await tunnel.request<{ allowed?: WireAllowed[] | null }>({ type: "allow.list" });
  const allowed = answer.allowed ?? [];
  return allowed.map(({ key, user_id, email }) => ({ key: key ?? "", userId: user_id ?? "", email: email ?? "" }));
}

const named = ({ key, userId, email }: Partial<Allowed>) => ({
  ...(key ? { key } : {}),
  ...(userId ? { user_id: userId } : {}),
  ...(email ? { email } : {}),
});

/** Without a name it is the person who asks. */
export const allow = (tunnel: TunnelClient, whom: Partial<Allowed>): Promise<unknown> =>
  tunnel.request({ type: "allow.add", ...named(whom) });

export const disallow = (tunnel: TunnelClient, whom: Allowed): Promise<unknown> =>
  tunnel.request({ type: "allow.remove", ...named(whom) });

export async function listShared(tunnel: TunnelClient): Promise<SharedFolder[]> {
  const answer = await tunnel.request<{ paths?: { path: string; members?: string[] | null }[] | null }>({
    type: "paths.list",
  });
  return (answer.paths ?? []).map(({ path, members }) => ({ path, members: members ?? [] }));
}

/** These folders, and no others. */
export const setShared = (tunnel: TunnelClient, folders: readonly SharedFolder[]): Promise<unknown> =>
  tunnel.request({ type: "paths.set", paths: folders.map(({ path, members }) => ({ path, members })) });

export const addMember = (tunnel: TunnelClient, path: string, email: string): Promise<unknown> =>
  tunnel.request({ type: "paths.add_member", path, email });

export const removeMember = (tunnel: TunnelClient, path: string, email: string): Promise<unknown> =>
  tunnel.request({ type: "paths.remove_member", path, email });
