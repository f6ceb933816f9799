/**
 * The wings this person may reach: at once from the cache, then the server's list, then each one's own word
 * through the tunnel.
 */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { ListedWing } from "../net/api.ts";
import { NOT_ALLOWED, PASSKEY_REQUIRED } from "../passkey/refusal.ts";
import type { DashboardEvent } from "../protocol/messages.ts";
import { listSessions, wingInfo } from "../tunnel/calls.ts";
import { type TunnelClient, WingRefused } from "../tunnel/client.ts";
import type { SessionEntry, WingInfo } from "../tunnel/types.ts";
import { isRecord, KEYS, type KeyValue, readJson, writeJson } from "./storage.ts";
import type { SessionIndex } from "./session-index.ts";
import type { TrustStore } from "./trust.ts";
import { newWing, sortWings, type Wing } from "./wing.ts";

interface CachedWing {
  id: string;
  publicKey: string;
  owner: string;
  orgId: string;
  label: string;
  info: WingInfo | null;
  sessions: SessionEntry[];
}

export interface WingsDependencies {
  store: KeyValue;
  trust: TrustStore;
  index: SessionIndex;
  /** A client for a wing with this key. Throws when the key is unusable. */
  newTunnel(wingId: string, publicKey: string): TunnelClient;
}

const ROUND_TRIP_TIMEOUT_MS = 6000;

export class WingsStore {
  readonly #wings = signal<readonly Wing[]>([]);
  readonly #listed = signal(false);
  readonly #tunnels = new Map<string, { publicKey: string; client: TunnelClient }>();
  readonly sorted: ReadonlySignal<Wing[]> = computed(() => sortWings(this.#wings.value));

  constructor(private readonly dependencies: WingsDependencies) {
    const kept = readJson<unknown[]>(dependencies.store, KEYS.wings, [], Array.isArray);
    this.#wings.value = kept.filter(isCachedWing).map((cached) => ({
      ...newWing(cached.id, cached.publicKey),
      owner: cached.owner ?? "",
      orgId: cached.orgId ?? "",
      label: cached.label ?? "",
      info: cached.info ?? null,
      sessions: cached.sessions ?? [],
    }));
  }

  get wings(): ReadonlySignal<readonly Wing[]> {
    return this.#wings;
  }

  /** Whether the server's list has come: before that, "online" is not known. */
  get listed(): ReadonlySignal<boolean> {
    return this.#listed;
  }

  find(wingId: string): Wing | undefined {
    return this.#wings.value.find((wing) => wing.id === wingId);
  }

  /** The server's list: what is online now. The others stay as known, offline. */
  applyList(listed: readonly ListedWing[]): void {
    this.#listed.value = true;
    const online = new Set(listed.map((wing) => wing.wing_id));
    for (const wing of this.#wings.value) if (!online.has(wing.id)) this.#goOffline(wing.id);
    for (const wing of listed) {
      this.#present(wing.wing_id, wing.public_key, {
        owner: wing.owner ?? "",
        ownerId: wing.user_id ?? "",
        orgId: wing.org_id ?? "",
        ...(typeof wing.label === "string" ? { label: wing.label } : {}),
      });
    }
    this.#save();
  }

  /** `me` is the person's user id. */
  applyEvent(event: DashboardEvent, me: string): void {
    if (event.type === "wing.online" || event.type === "wing.config") {
      const { user_id: ownerId, owner, org_id: orgId } = event;
      this.#present(event.wing_id, event.public_key, {
        ...(typeof ownerId === "string" && { ownerId }),
        // An edge that does not know the owner yet calls them by their id; the list knows better.
        ...(typeof owner === "string" && owner !== ownerId && { owner: ownerId === me ? "" : owner }),
        ...(typeof orgId === "string" && { orgId }),
      });
      this.#save();
    } else if (event.type === "wing.offline") {
      this.#goOffline(event.wing_id);
    }
  }

  /** The tunnel to a wing whose key is trusted, or null. */
  tunnel(wingId: string): TunnelClient | null {
    const wing = this.find(wingId);
    if (!wing?.online || wing.keyChange || !wing.publicKey) return null;
    const kept = this.#tunnels.get(wingId);
    if (kept?.publicKey === wing.publicKey) return kept.client;
    kept?.client.close();
    const client = this.dependencies.newTunnel(wingId, wing.publicKey);
    this.#tunnels.set(wingId, { publicKey: wing.publicKey, client });
    return client;
  }

  /** Asks the wing what it is and which terminals it has. Never rejects: what went wrong is in `problem`. */
  async probe(wingId: string): Promise<void> {
    let tunnel: TunnelClient | null;
    try {
      tunnel = this.tunnel(wingId);
    } catch {
      this.#change(wingId, { probe: "failed", problem: "This wing's key is not usable." });
      return;
    }
    if (!tunnel) return;
    const settled = SETTLED.includes(this.find(wingId)?.probe ?? "none");
    if (!settled) this.#change(wingId, { probe: "probing", problem: null });
    try {
      const [info, sessions] = await Promise.all([wingInfo(tunnel), listSessions(tunnel)]);
      for (const session of sessions) this.dependencies.index.remember(session.session_id, wingId);
      this.#change(wingId, { probe: "ok", problem: null, info, sessions });
      this.#save();
    } catch (why) {
      if (this.find(wingId)?.online) this.#change(wingId, this.#unanswered(wingId, why));
    }
  }

  /** The terminals alone, for those who ask often. A wing that does not answer is told of by others. */
  async refreshSessions(wingId: string): Promise<void> {
    const tunnel = this.tunnel(wingId);
    if (!tunnel) return;
    try {
      const sessions = await listSessions(tunnel);
      this.#change(wingId, { sessions });
    } catch (why) {
      console.info("the terminals of a wing are not known just now:", why);
    }
  }

  async probeAll(): Promise<void> {
    await Promise.all(this.#wings.value.filter((wing) => wing.online).map((wing) => this.probe(wing.id)));
  }

  /** Measures the way to the wing and back. False when no answer came. */
  async measure(wingId: string): Promise<boolean> {
    const tunnel = this.tunnel(wingId);
    if (!tunnel) return false;
    try {
      this.#change(wingId, { roundTripMs: await tunnel.roundTrip(ROUND_TRIP_TIMEOUT_MS) });
      return true;
    } catch {
      this.#change(wingId, { roundTripMs: null });
      return false;
    }
  }

  resetTunnel(wingId: string): void {
    this.#tunnels.get(wingId)?.client.reset();
  }

  /** The person accepts the key that the wing presents now. */
  acceptKey(wingId: string, publicKey: string): void {
    this.dependencies.trust.accept(wingId, publicKey);
    this.#change(wingId, { keyChange: null, publicKey });
    this.#save();
    void this.probe(wingId);
  }

  /** A terminal session was told another key than the known one. */
  keyOffered(wingId: string, offered: string): void {
    const known = this.dependencies.trust.known(wingId);
    if (known !== null && known !== offered) this.#change(wingId, { keyChange: { known, offered } });
  }

  setLabel(wingId: string, label: string): void {
    this.#change(wingId, { label });
    this.#save();
  }

  setAttention(wingId: string, sessionId: string, wanted: boolean): void {
    const wing = this.find(wingId);
    if (!wing) return;
    const sessions = wing.sessions.map((session) =>
      session.session_id === sessionId ? { ...session, needs_attention: wanted } : session,
    );
    this.#change(wingId, { sessions });
  }

  removeSession(wingId: string, sessionId: string): void {
    const wing = this.find(wingId);
    if (!wing) return;
    this.#change(wingId, { sessions: wing.sessions.filter((session) => session.session_id !== sessionId) });
    this.#save();
  }

  /**
   * Takes the wings of others out of the list that are offline, and of organisations that the person is in no
   * more. Their known keys stay, for whoever is invited again.
   */
  leave(orgIds: readonly string[]): void {
    const kept = this.#wings.value.filter((wing) => wing.online || !wing.owner || orgIds.includes(wing.orgId));
    if (kept.length === this.#wings.value.length) return;
    this.#wings.value = kept;
    this.#save();
  }

  /** Removes an offline wing from this browser's memory, its known key included. */
  forget(wingId: string): void {
    this.#tunnels.get(wingId)?.client.close();
    this.#tunnels.delete(wingId);
    this.dependencies.trust.forget(wingId);
    this.#wings.value = this.#wings.value.filter((wing) => wing.id !== wingId);
    this.#save();
  }

  /** A locked wing tells who it is, and nothing else: what it told before is not shown any more. */
  #unanswered(wingId: string, why: unknown): Partial<Wing> {
    const code = why instanceof WingRefused ? why.code : "";
    if (code === NOT_ALLOWED) return { probe: "refused", problem: null, sessions: [] };
    if (code !== PASSKEY_REQUIRED) {
      return { probe: "failed", problem: why instanceof Error ? why.message : String(why) };
    }
    const { hostname, platform, version } = (why as WingRefused).answer as WingInfo;
    const told = Object.entries({ hostname, platform, version }).filter(([, value]) => typeof value === "string");
    const info: WingInfo = { ...this.find(wingId)?.info, ...Object.fromEntries(told), locked: true };
    return { probe: "locked", problem: null, sessions: [], info };
  }

  #present(wingId: string, publicKey: string, known: Partial<Wing>): void {
    if (!this.find(wingId)) this.#wings.value = [...this.#wings.value, newWing(wingId, publicKey)];
    if (!publicKey) {
      this.#change(wingId, { ...known, online: true, publicKey, probe: "failed", problem: NO_KEY, keyChange: null });
      return;
    }
    const verdict = this.dependencies.trust.check(wingId, publicKey);
    const keyChange = verdict.trusted ? null : { known: verdict.known, offered: publicKey };
    this.#change(wingId, { ...known, online: true, publicKey, keyChange });
  }

  #goOffline(wingId: string): void {
    this.#tunnels.get(wingId)?.client.close();
    this.#tunnels.delete(wingId);
    this.#change(wingId, { online: false, probe: "none", problem: null, roundTripMs: null });
  }

  #change(wingId: string, part: Partial<Wing>): void {
    this.#wings.value = this.#wings.value.map((wing) => (wing.id === wingId ? { ...wing, ...part } : wing));
  }

  #save(): void {
    const cached = this.#wings.value.map((wing): CachedWing => {
      const { id, publicKey, owner, orgId, label, info, sessions } = wing;
      return { id, publicKey, owner, orgId, label, info, sessions: [...sessions] };
    });
    writeJson(this.dependencies.store, KEYS.wings, cached);
  }
}

/** Asking again changes nothing on the page until there is an answer. */
const SETTLED: readonly Wing["probe"][] = ["ok", "locked", "refused"];

const NO_KEY = "This wing has no encryption key: update the program on that machine.";

function isCachedWing(value: unknown): value is CachedWing {
  return isRecord(value) && typeof value.id === "string" && typeof value.publicKey === "string";
}
