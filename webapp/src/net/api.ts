/** The HTTP API of protocol.md section 2, as far as this app uses it. */

export interface Me {
  id: string;
  display_name: string;
  email?: string | null;
  provider?: string;
  tier: string;
  roost_mode?: boolean;
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

export interface Usage {
  tier: string;
  usage_bytes: number;
  cap_bytes: number | null;
  exceeded: boolean;
}

/** A token of a machine that is logged in. Times are Unix seconds. */
export interface Device {
  id: string;
  wing_id: string;
  issued_at: number;
  expires_at: number;
}

/** The server answered with an error; `message` is its sentence. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function call(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(path, {
    method,
    credentials: "same-origin",
    ...(body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  let value: unknown = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's HTML page, for example: the status alone tells.
  }
  if (!response.ok) {
    const told = (value as { error?: unknown } | null)?.error;
    throw new ApiError(response.status, typeof told === "string" ? told : `the server answered ${response.status}`);
  }
  return value;
}

const label = (wingId: string) => `/api/app/wings/${encodeURIComponent(wingId)}/label`;

export const api = {
  me: () => call("GET", "/api/app/me") as Promise<Me>,
  wings: () => call("GET", "/api/app/wings") as Promise<ListedWing[] | null>,
  usage: () => call("GET", "/api/app/usage") as Promise<Usage>,
  setLabel: (wingId: string, text: string) => call("PUT", label(wingId), { label: text }),
  removeLabel: (wingId: string) => call("DELETE", label(wingId)),
  devices: () => call("GET", "/api/app/devices") as Promise<Device[]>,
  revokeDevice: (id: string) => call("DELETE", `/api/app/devices/${encodeURIComponent(id)}`),
  logout: () => call("POST", "/auth/logout"),
};
