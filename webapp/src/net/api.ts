/** Who is logged in, and the wings: what the app asks for before anything else (protocol.md section 2). */
import { call } from "./http.ts";

export interface Me {
  id: string;
  display_name: string;
  email?: string | null;
  provider?: string;
  tier: string;
  roost_mode?: boolean;
  /** Ours: people sign in here. Without it, this server is one person's own. */
  sign_in?: boolean;
}

export interface ListedWing {
  wing_id: string;
  public_key: string;
  user_id?: string;
  org_id?: string;
  owner?: string;
  latest_version?: string;
  remote_node?: string;
  /** Ours: the label given through this API. */
  label?: string;
}

const label = (wingId: string) => `/api/app/wings/${encodeURIComponent(wingId)}/label`;

export const api = {
  me: () => call("GET", "/api/app/me") as Promise<Me>,
  wings: () => call("GET", "/api/app/wings") as Promise<ListedWing[] | null>,
  setLabel: (wingId: string, text: string) => call("PUT", label(wingId), { label: text }),
  removeLabel: (wingId: string) => call("DELETE", label(wingId)),
  logout: () => call("POST", "/auth/logout"),
};
