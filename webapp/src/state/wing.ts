/** What is known of one wing, and how it is named. */
import type { SessionEntry, WingInfo } from "../tunnel/types.ts";

export interface Wing {
  readonly id: string;
  readonly publicKey: string;
  readonly online: boolean;
  readonly owner: string;
  /** Their user id; empty until the server's list has come. */
  readonly ownerId: string;
  /** The organisation that it is shared with; empty without one. */
  readonly orgId: string;
  readonly label: string;
  /** From the last probe that was answered; kept in the cache. */
  readonly info: WingInfo | null;
  readonly sessions: readonly SessionEntry[];
  /** `locked`: it asks for a passkey. `refused`: it is locked, and this person is not on its list. */
  readonly probe: "none" | "probing" | "ok" | "failed" | "locked" | "refused";
  /** Why the probe failed: a sentence. */
  readonly problem: string | null;
  readonly roundTripMs: number | null;
  /** Set while the wing presents another key than the one known. */
  readonly keyChange: { known: string; offered: string } | null;
}

export function newWing(id: string, publicKey: string): Wing {
  return {
    id,
    publicKey,
    online: false,
    owner: "",
    ownerId: "",
    orgId: "",
    label: "",
    info: null,
    sessions: [],
    probe: "none",
    problem: null,
    roundTripMs: null,
    keyChange: null,
  };
}

export function wingName(wing: Wing): string {
  return wing.label || wing.info?.wing_label || wing.info?.hostname || `wing ${wing.id.slice(0, 8)}`;
}

/** Online first, then by name: an order that does not jump about while probes come in. */
export function sortWings(wings: readonly Wing[]): Wing[] {
  return [...wings].sort(
    (a, b) =>
      Number(b.online) - Number(a.online) || wingName(a).localeCompare(wingName(b)) || a.id.localeCompare(b.id),
  );
}

/** `path` with the wing's home folder as `~`. */
export function shortPath(path: string, home: string | undefined): string {
  if (!home || home === "/") return path;
  if (path === home) return "~";
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
