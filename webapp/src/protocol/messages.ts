/**
 * The messages of protocol.md section 4 as this browser sends and receives them. Fields marked "ours" are
 * optional extensions of our own node and wing; a peer of others leaves them out.
 */

export interface PtyStart {
  type: "pty.start";
  wing_id: string;
  agent: string;
  cols: number;
  rows: number;
  public_key: string;
  cwd?: string;
  /** Ours: the token that the wing gave for a passkey, sealed for it alone; empty for "none yet". */
  sealed_token?: string;
}

export interface PtyAttach {
  type: "pty.attach";
  wing_id: string;
  session_id: string;
  public_key: string;
  cols?: number;
  rows?: number;
  spectate?: boolean;
  /** Ours, as in `pty.start`. */
  sealed_token?: string;
}

/** What an authenticator has signed; all base64, the id base64url. */
export interface Assertion {
  credential_id: string;
  authenticator_data: string;
  client_data_json: string;
  signature: string;
}

export type ToNode =
  | PtyStart
  | PtyAttach
  | { type: "pty.input"; session_id: string; data: string }
  | { type: "pty.resize"; session_id: string; cols: number; rows: number }
  | { type: "pty.kill" | "pty.detach" | "pty.attention_ack"; session_id: string }
  | ({ type: "passkey.response"; session_id: string } & Assertion)
  | { type: "tunnel.req"; wing_id: string; request_id: string; sender_pub: string; payload: string };

export type FromNode =
  | { type: "pty.started"; session_id: string; agent: string; public_key: string; cwd?: string; sealed_token?: string }
  | { type: "pty.output"; session_id: string; data: string; compressed?: boolean }
  | { type: "pty.exited"; session_id: string; exit_code: number; error?: string }
  | { type: "pty.preview"; session_id: string; data: string }
  /** `nonce` is ours: see passkey/binding.ts. */
  | { type: "passkey.challenge"; session_id: string; challenge: string; keys?: unknown; nonce?: string }
  | { type: "pty.browser_open"; session_id: string; url: string }
  /** Ours: another attach took the session over. */
  | { type: "pty.detached"; session_id: string; reason?: string }
  | { type: "tunnel.res"; request_id: string; payload: string }
  | { type: "tunnel.stream"; request_id: string; payload: string; done?: boolean }
  | { type: "error"; message: string; session_id?: string; request_id?: string }
  /** The ids are ours: what was asked for and is not to be had. */
  | { type: "bandwidth.exceeded"; message: string; session_id?: string; request_id?: string }
  /** Ours: most of the month's traffic is used. */
  | { type: "bandwidth.notice"; message: string }
  | { type: "wing.offline"; wing_id?: string }
  | { type: "relay.restart" };

export type DashboardEvent =
  | {
      type: "wing.online" | "wing.config";
      wing_id: string;
      public_key: string;
      locked?: boolean;
      user_id?: string;
      owner?: string;
      /** An extension. */
      org_id?: string;
    }
  | { type: "wing.offline"; wing_id: string }
  | { type: "session.attention"; wing_id: string; session_id: string }
  | { type: "org.changed" }
  | { type: "bandwidth.exceeded"; message: string }
  | { type: "relay.restart" };

type FieldType = "string" | "number";

/** What each message must carry to be acted on. */
const REQUIRED: Record<string, Record<string, FieldType>> = {
  "pty.started": { session_id: "string", public_key: "string" },
  "pty.output": { session_id: "string", data: "string" },
  "pty.exited": { session_id: "string" },
  "pty.preview": { session_id: "string", data: "string" },
  "pty.browser_open": { session_id: "string", url: "string" },
  "passkey.challenge": { session_id: "string", challenge: "string" },
  "pty.detached": { session_id: "string" },
  "tunnel.res": { request_id: "string", payload: "string" },
  "tunnel.stream": { request_id: "string", payload: "string" },
  error: { message: "string" },
  "bandwidth.exceeded": { message: "string" },
  "bandwidth.notice": { message: "string" },
  "wing.offline": {},
  "relay.restart": {},
};

const REQUIRED_OF_EVENTS: Record<string, Record<string, FieldType>> = {
  "wing.online": { wing_id: "string", public_key: "string" },
  "wing.config": { wing_id: "string", public_key: "string" },
  "wing.offline": { wing_id: "string" },
  "session.attention": { wing_id: "string", session_id: "string" },
  "org.changed": {},
  "bandwidth.exceeded": { message: "string" },
  "relay.restart": {},
};

function parse(text: string, required: Record<string, Record<string, FieldType>>): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const message = value as Record<string, unknown>;
  if (typeof message.type !== "string" || !Object.hasOwn(required, message.type)) return null;
  const fields = required[message.type] ?? {};
  return Object.entries(fields).every(([name, type]) => typeof message[name] === type) ? message : null;
}

/** A message of `/ws/pty` or `/ws/relay`; null for one that is malformed or of a type not known here. */
export function parseFromNode(text: string): FromNode | null {
  return parse(text, REQUIRED) as FromNode | null;
}

/** A message of `/ws/app`; null as above. */
export function parseDashboardEvent(text: string): DashboardEvent | null {
  return parse(text, REQUIRED_OF_EVENTS) as DashboardEvent | null;
}
