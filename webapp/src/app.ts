/** The app without its page: everything is built and connected here, and the actions of the page end here. */
import { effect, signal, untracked } from "@preact/signals";
import { logOut } from "./logout.ts";
import { api, type Me } from "./net/api.ts";
import { socketUrl } from "./net/environment.ts";
import { ApiError } from "./net/http.ts";
import { orgs } from "./net/orgs.ts";
import type { Environment } from "./net/socket.ts";
import { type Notifier, permission } from "./notify/notifications.ts";
import { browserAuthenticator } from "./passkey/authenticator.ts";
import { ownPasskeys } from "./passkey/mine.ts";
import { WingPasskeys } from "./passkey/wing-passkeys.ts";
import { newKeyPair } from "./protocol/box.ts";
import type { DashboardEvent } from "./protocol/messages.ts";
import { Dashboard } from "./state/dashboard.ts";
import { wingOfSession } from "./state/find-session.ts";
import { agentName } from "./state/format.ts";
import { Notices } from "./state/notices.ts";
import { OrgsStore } from "./state/orgs.ts";
import { formatRoute, parseRoute, type Route } from "./state/route.ts";
import { SessionIndex } from "./state/session-index.ts";
import type { SettingsStore } from "./state/settings.ts";
import { KEYS, type KeyValue, writeJson } from "./state/storage.ts";
import { Tab } from "./state/tab.ts";
import { TabsStore } from "./state/tabs.ts";
import { TrustStore } from "./state/trust.ts";
import { wingName } from "./state/wing.ts";
import { WingsStore } from "./state/wings.ts";
import { TunnelClient } from "./tunnel/client.ts";
import { TerminalSession } from "./terminal/session.ts";
import type { TerminalView } from "./terminal/view.ts";

export type Login =
  | { name: "loading" }
  | { name: "in"; me: Me }
  /** `deleted`: the account is gone, by the person's own hand. */
  | { name: "out"; deleted?: true }
  | { name: "unreachable"; message: string };

export interface OpenTerminal {
  wingId: string;
  agent: string;
  cwd?: string;
  sessionId?: string;
  spectate?: boolean;
}

export interface AppDependencies {
  environment: Environment;
  local: KeyValue;
  perTab: KeyValue;
  settings: SettingsStore;
  notifier(goTo: (hash: string) => void): Notifier;
  newView(readOnly: boolean): TerminalView;
}

export class App {
  readonly login = signal<Login>({ name: "loading" });
  readonly route = signal<Route>(parseRoute(location.hash));
  readonly settings: SettingsStore;
  readonly notices: Notices;
  readonly trust: TrustStore;
  readonly wings: WingsStore;
  readonly tabs: TabsStore;
  readonly orgs = new OrgsStore(orgs.list);
  /** Why terminals are slow until the month ends; empty while they are not. */
  readonly bandwidth = signal("");
  readonly passkeys: WingPasskeys;
  readonly dashboard = signal<Dashboard | null>(null);
  /** Set while a deep link's wing is looked for, or when it was not found. */
  readonly lookup = signal<"idle" | "searching" | "missing">("idle");
  readonly #index: SessionIndex;
  readonly #keys = newKeyPair();
  readonly #notifier: Notifier;
  #lastTabKey = 0;

  constructor(private readonly dependencies: AppDependencies) {
    const { environment, local, perTab, settings } = dependencies;
    this.settings = settings;
    this.notices = new Notices((run, ms) => environment.setTimer(run, ms));
    this.trust = new TrustStore(local);
    this.#index = new SessionIndex(local);
    this.tabs = new TabsStore(perTab);
    this.wings = new WingsStore({
      store: local,
      trust: this.trust,
      index: this.#index,
      newTunnel: (wingId, publicKey) =>
        new TunnelClient(
          wingId,
          publicKey,
          this.#keys,
          socketUrl("/ws/relay", { wing_id: wingId }),
          environment,
          () => this.loginEnded(),
          this.passkeys.tunnelToken(wingId, publicKey),
        ),
    });
    this.passkeys = new WingPasskeys({
      list: ownPasskeys,
      authenticator: browserAuthenticator,
      now: () => environment.now(),
      gesture: () => navigator.userActivation?.isActive === true,
      tunnel: (wingId) => this.wings.tunnel(wingId),
      trustedKey: (wingId) => this.#trustedKey(wingId),
      owner: (wingId) => this.wings.find(wingId)?.owner ?? "",
      onUnlocked: (wingId) => {
        void this.wings.probe(wingId);
        this.#goOn(wingId);
      },
    });
    this.#notifier = dependencies.notifier((hash) => {
      location.hash = hash;
    });
  }

  /** Finds out who is logged in, then opens what was open. */
  async start(): Promise<void> {
    this.login.value = { name: "loading" };
    try {
      const me = await api.me();
      this.login.value = { name: "in", me };
      writeJson(this.dependencies.local, KEYS.signIn, me.sign_in === true);
    } catch (why) {
      if (why instanceof ApiError && why.status === 401) this.login.value = { name: "out" };
      else this.login.value = { name: "unreachable", message: why instanceof Error ? why.message : String(why) };
      return;
    }
    for (const kept of this.tabs.kept()) this.#addTab(kept);
    this.dashboard.value = new Dashboard(
      socketUrl("/ws/app"),
      {
        onEvent: (event) => this.#happened(event),
        onOpen: () => void this.refresh(),
        onLoginEnded: () => this.loginEnded(),
      },
      this.dependencies.environment,
    );
    this.#follow(this.route.value);
  }

  /** Whether several people sign in at this server; where it has not said, whether they did the last time. */
  get signIn(): boolean {
    const login = this.login.value;
    if (login.name === "in") return login.me.sign_in === true;
    return this.dependencies.local.getItem(KEYS.signIn) === "true";
  }

  /** The server's list of wings and then each wing's own word. */
  async refresh(): Promise<void> {
    const orgs = this.signIn ? this.orgs.look() : Promise.resolve(false);
    try {
      this.wings.applyList((await api.wings()) ?? []);
    } catch (why) {
      if (why instanceof ApiError && why.status === 401) this.loginEnded();
      else this.notices.show("The list of wings could not be loaded. It is tried again with the next connection.", "problem");
      return;
    }
    for (const tab of this.tabs.tabs.value) {
      if (this.wings.find(tab.session.wingId)?.online) tab.session.wingOnline();
    }
    if (await orgs) this.wings.leave(this.orgs.list.value.map(({ id }) => id));
    await this.wings.probeAll();
  }

  go(route: Route): void {
    const hash = formatRoute(route);
    if (hash === location.hash || (hash === "#" && location.hash === "")) this.hashChanged();
    else location.hash = hash;
  }

  /** The address changed: by a click here, by the person, or by "back". */
  hashChanged(): void {
    const route = parseRoute(location.hash);
    this.route.value = route;
    if (this.login.value.name === "in") this.#follow(route);
  }

  open(what: OpenTerminal): void {
    const open = what.sessionId ? this.tabs.find(what.sessionId, what.spectate === true) : undefined;
    this.show(open ?? this.#addTab(what));
  }

  show(tab: Tab): void {
    this.tabs.activate(tab);
    this.lookup.value = "idle";
    const { sessionId, spectating } = tab.session;
    if (sessionId === null) {
      // The address follows when the session has its id.
      this.route.value = { view: "terminal", sessionId: "", spectate: false };
    } else this.go({ view: "terminal", sessionId, spectate: spectating });
    this.seen(tab);
  }

  /** The terminal is being looked at: what it wanted attention for is done with. */
  seen(tab: Tab): void {
    if (!tab.attention.value || document.hidden) return;
    tab.attention.value = false;
    tab.session.acknowledge();
    if (tab.session.sessionId) this.wings.setAttention(tab.session.wingId, tab.session.sessionId, false);
  }

  /** Leaves the terminal running and closes its tab. */
  detach(tab: Tab): void {
    tab.session.detach();
    const wasActive = this.tabs.active.value === tab;
    const neighbour = this.tabs.remove(tab);
    tab.view.dispose();
    if (wasActive) {
      if (neighbour) this.show(neighbour);
      else this.home();
    }
    void this.wings.probe(tab.session.wingId);
  }

  home(): void {
    this.tabs.activate(null);
    this.go({ view: "wings" });
  }

  /** The person has another name now. */
  renamed(name: string): void {
    const login = this.login.value;
    if (login.name === "in") this.login.value = { name: "in", me: { ...login.me, display_name: name } };
  }

  async logout(): Promise<void> {
    try {
      await logOut();
    } catch (why) {
      this.notices.show(`Logging out failed: ${why instanceof Error ? why.message : String(why)}`, "problem");
      return;
    }
    this.loginEnded();
  }

  loginEnded(deleted?: true): void {
    this.login.value = deleted ? { name: "out", deleted } : { name: "out" };
    this.dashboard.value?.close();
    this.dashboard.value = null;
    this.orgs.clear();
    this.passkeys.clear();
    this.bandwidth.value = "";
    for (const tab of this.tabs.tabs.value) tab.session.close();
  }

  /** The person accepts a wing's new key: its terminals that wait for that go on. */
  acceptKey(wingId: string, publicKey: string): void {
    this.wings.acceptKey(wingId, publicKey);
    for (const tab of this.tabs.tabs.value) {
      if (tab.session.wingId === wingId && tab.session.phase.value.name === "key-changed") tab.session.again();
    }
  }

  #trustedKey(wingId: string): string {
    return this.trust.known(wingId) ?? this.wings.find(wingId)?.publicKey ?? "";
  }

  /** A wing lets the person in: what waits for that goes on. */
  #goOn(wingId: string): void {
    for (const { session } of this.tabs.tabs.value) {
      const phase = session.phase.value;
      if (session.wingId === wingId && phase.name === "passkey" && phase.at === "waiting") session.again();
    }
  }

  /** No close came, but nothing answers: make all connections to this wing anew. */
  suspect(wingId: string): void {
    this.wings.resetTunnel(wingId);
    for (const tab of this.tabs.tabs.value) if (tab.session.wingId === wingId) tab.session.reset();
  }

  #addTab(what: OpenTerminal): Tab {
    const view = this.dependencies.newView(what.spectate === true);
    const { environment } = this.dependencies;
    const session = new TerminalSession({
      wingId: what.wingId,
      // Extensions that this app understands and asks the node for; a node of others takes no notice.
      url: socketUrl("/ws/pty", { wing_id: what.wingId, features: "pty.detached,bandwidth.notice" }),
      environment,
      trustedKey: () => this.#trustedKey(what.wingId),
      announcedKey: () => (this.wings.listed.value ? (this.wings.find(what.wingId)?.publicKey ?? "") : ""),
      agent: what.agent,
      ...(what.cwd ? { cwd: what.cwd } : {}),
      ...(what.sessionId ? { sessionId: what.sessionId } : {}),
      spectate: what.spectate === true,
      passkeys: this.passkeys.session(what.wingId),
      onStarted: (sessionId) => {
        this.#index.remember(sessionId, what.wingId);
        this.tabs.save();
        if (this.tabs.active.value === tab) this.go({ view: "terminal", sessionId, spectate: false });
      },
      onNotice: (sentence) => this.notices.show(sentence, "problem"),
      onBandwidthExceeded: (sentence) => {
        this.bandwidth.value = sentence;
      },
      onOpenUrl: (url) => this.#offerUrl(url),
      onLoginEnded: () => this.loginEnded(),
    });
    this.#lastTabKey += 1;
    const tab = new Tab(this.#lastTabKey, session, view);
    view.onInput = (bytes) => session.input(bytes);
    view.onSize = (cols, rows) => session.resize(cols, rows);
    let was = "";
    effect(() => {
      const phase = session.phase.value;
      untracked(() => {
        if (phase.name === "key-changed") this.wings.keyOffered(what.wingId, phase.offered);
        if (phase.name === "exited" && session.sessionId) {
          tab.attention.value = false;
          this.wings.removeSession(what.wingId, session.sessionId);
          this.tabs.save();
        }
        if (phase.name === "live" && was !== "live") void this.wings.measure(what.wingId);
        was = phase.name;
      });
    });
    this.tabs.add(tab);
    return tab;
  }

  #offerUrl(url: string): void {
    let target: URL;
    try {
      target = new URL(url);
    } catch {
      return;
    }
    if (target.protocol !== "https:" && target.protocol !== "http:") return;
    this.notices.show(`The terminal wants to open ${target.href}`, "info", {
      label: "Open",
      run: () => window.open(target.href, "_blank", "noopener,noreferrer"),
    });
  }

  #happened(event: DashboardEvent): void {
    const login = this.login.value;
    this.wings.applyEvent(event, login.name === "in" ? login.me.id : "");
    if (event.type === "wing.online" || event.type === "wing.config") {
      void this.wings.probe(event.wing_id);
      if (event.type === "wing.online") {
        for (const tab of this.tabs.tabs.value) if (tab.session.wingId === event.wing_id) tab.session.wingOnline();
      }
      if (event.locked === false) this.#goOn(event.wing_id);
    } else if (event.type === "session.attention") this.#attention(event.wing_id, event.session_id);
    else if (event.type === "org.changed") void this.refresh();
    else if (event.type === "bandwidth.exceeded") this.bandwidth.value = event.message;
  }

  #attention(wingId: string, sessionId: string): void {
    const tab = this.tabs.find(sessionId, false);
    if (tab) tab.attention.value = true;
    this.wings.setAttention(wingId, sessionId, true);
    if (tab && tab === this.tabs.active.value && !document.hidden) {
      this.seen(tab);
      return;
    }
    if (!this.settings.value.value.notify || permission() !== "granted") return;
    const wing = this.wings.find(wingId);
    const session = wing?.sessions.find((candidate) => candidate.session_id === sessionId);
    const title = `${agentName(tab?.session.agent.value ?? session?.agent ?? "A terminal")} wants your attention`;
    const where = [wing ? wingName(wing) : "", session?.cwd ?? ""].filter(Boolean).join(" · ");
    void this.#notifier.attention(title, where, formatRoute({ view: "terminal", sessionId, spectate: false }));
  }

  #follow(route: Route): void {
    if (route.view !== "terminal") {
      this.tabs.activate(null);
      this.lookup.value = "idle";
      return;
    }
    const open = this.tabs.find(route.sessionId, route.spectate);
    if (open) {
      this.tabs.activate(open);
      this.lookup.value = "idle";
      this.seen(open);
      return;
    }
    void this.#openDeepLink(route.sessionId, route.spectate);
  }

  async #openDeepLink(sessionId: string, spectate: boolean): Promise<void> {
    this.lookup.value = "searching";
    this.tabs.activate(null);
    const wingId = this.#index.wingOf(sessionId) ?? (await this.#findWing(sessionId));
    const route = this.route.value;
    if (route.view !== "terminal" || route.sessionId !== sessionId) return;
    if (wingId === null) {
      this.lookup.value = "missing";
      return;
    }
    const entry = this.wings.find(wingId)?.sessions.find((candidate) => candidate.session_id === sessionId);
    this.open({ wingId, sessionId, spectate, agent: entry?.agent ?? "", cwd: entry?.cwd ?? "" });
  }

  async #findWing(sessionId: string): Promise<string | null> {
    if (!this.wings.listed.value) await this.refresh();
    return wingOfSession(this.wings, sessionId);
  }
}
