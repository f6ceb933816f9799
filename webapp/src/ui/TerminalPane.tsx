/** One terminal with its toolbar, banners, find bar and key bar. Stays in the page while another is in front. */
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Tab } from "../state/tab.ts";
import { useApp } from "./context.ts";
import { FindBar } from "./FindBar.tsx";
import { KeyBar } from "./KeyBar.tsx";
import { copyText } from "./hooks.ts";
import { PasteDialog, TextDialog } from "./ClipboardDialogs.tsx";
import { SessionStatus } from "./SessionStatus.tsx";
import { shortcutOf } from "./shortcuts.ts";
import { TerminalToolbar } from "./TerminalToolbar.tsx";

const SPECTATOR_POLL_MS = 3000;
const ROUND_TRIP_EVERY_MS = 10_000;
const RECORDING_EVERY_MS = 15_000;

export function TerminalPane({ tab, active }: { tab: Tab; active: boolean }) {
  const app = useApp();
  const host = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLElement>(null);
  const opened = useRef(false);
  const [finding, setFinding] = useState(false);
  const [dialog, setDialog] = useState<"none" | "text" | "paste">("none");
  const { session, view } = tab;

  // The first time in front: only then has the host a size to attach with.
  useEffect(() => {
    if (!active || !host.current) return;
    const element = host.current;
    if (opened.current) {
      view.activate();
      view.terminal.focus();
      return;
    }
    opened.current = true;
    void view.open(element).then(() => {
      session.show(view);
      view.terminal.focus();
    });
  }, [active, session, view]);

  // A button such as "Retry now" is gone once the terminal is back: the keys belong to the terminal again.
  const live = session.phase.value.name === "live";
  useEffect(() => {
    if (active && live && document.activeElement === document.body) view.terminal.focus();
  }, [active, live, view]);

  useEffect(() => {
    if (!host.current) return;
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => view.fit());
    });
    observer.observe(host.current);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
    };
  }, [view]);

  const copy = async () => {
    const selected = view.terminal.getSelection();
    if (!selected) setDialog("text");
    else if (await copyText(selected)) app.notices.show("Copied.");
    else app.notices.show("The browser did not allow copying.", "problem");
    view.terminal.focus();
  };

  const paste = async () => {
    try {
      view.paste(await navigator.clipboard.readText());
      view.terminal.focus();
    } catch {
      // No clipboard API on a plain http origin, or not permitted: the person pastes into a field.
      setDialog("paste");
    }
  };

  const endFind = () => {
    setFinding(false);
    view.endFind();
    view.terminal.focus();
  };

  useEffect(() => {
    view.terminal.attachCustomKeyEventHandler((event) => {
      const shortcut = shortcutOf(event);
      if (!shortcut) return true;
      // The browser's own paste reaches the terminal as a paste event.
      if (shortcut === "paste") return false;
      event.preventDefault();
      if (event.type !== "keydown") return false;
      const { fontSize } = app.settings.value.value;
      const tabs = app.tabs.tabs.value;
      const neighbour = (step: number) => tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      const actions = {
        copy: () => void copy(),
        find: () => setFinding(true),
        leave: () => pane.current?.querySelector<HTMLElement>(".toolbar button")?.focus(),
        larger: () => app.settings.change({ fontSize: fontSize + 1 }),
        smaller: () => app.settings.change({ fontSize: fontSize - 1 }),
        "previous-tab": () => app.show(neighbour(-1) ?? tab),
        "next-tab": () => app.show(neighbour(1) ?? tab),
      };
      actions[shortcut]();
      return false;
    });
  });

  useSpectatorSize(tab, active);
  useRoundTrip(tab, active);
  useRecordingWatch(tab, active);

  return (
    <main ref={pane} class="pane" hidden={!active} aria-label="Terminal">
      {active && <h1 class="off-screen">Terminal</h1>}
      {active && (
        <TerminalToolbar
          tab={tab}
          onFind={() => setFinding(true)}
          onCopy={() => void copy()}
          onPaste={() => void paste()}
          onText={() => setDialog("text")}
        />
      )}
      {active && <SessionStatus tab={tab} />}
      {active && finding && <FindBar view={view} onClose={endFind} />}
      <div class="screen-area">
        <div
          ref={host}
          class="terminal-host"
          data-testid={active ? "terminal" : undefined}
          data-phase={session.phase.value.name}
        />
      </div>
      {active && !session.spectating && <KeyBar view={view} onCopy={() => void copy()} onPaste={() => void paste()} />}
      {dialog === "text" && <TextDialog view={view} onClose={() => setDialog("none")} />}
      {dialog === "paste" && <PasteDialog view={view} onClose={() => setDialog("none")} />}
    </main>
  );
}

/** A spectator sees the screen at its controller's size, which may change. */
function useSpectatorSize(tab: Tab, active: boolean): void {
  const app = useApp();
  const { session, view } = tab;
  useEffect(() => {
    if (!session.spectating || !active) return;
    const stop = effect(() => {
      const entry = app.wings.wings.value
        .find((wing) => wing.id === session.wingId)
        ?.sessions.find((candidate) => candidate.session_id === session.sessionId);
      if (entry?.cols && entry.rows) view.setFixedSize(entry.cols, entry.rows);
    });
    const timer = setInterval(() => {
      if (!document.hidden) void app.wings.refreshSessions(session.wingId);
    }, SPECTATOR_POLL_MS);
    void app.wings.refreshSessions(session.wingId);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [app, session, view, active]);
}

/** While a recorded terminal is looked at: whether the recording goes on. */
function useRecordingWatch(tab: Tab, active: boolean): void {
  const app = useApp();
  const { session } = tab;
  useEffect(() => {
    if (!active) return;
    const look = () => {
      if (document.hidden || session.phase.value.name !== "live") return;
      const entry = app.wings
        .find(session.wingId)
        ?.sessions.find((candidate) => candidate.session_id === session.sessionId);
      if (!entry || (entry.audit && !entry.recording_error)) void app.wings.refreshSessions(session.wingId);
    };
    look();
    const timer = setInterval(look, RECORDING_EVERY_MS);
    return () => clearInterval(timer);
  }, [app, session, active]);
}

/** Measures the way to the wing while its terminal is looked at; two misses mean that a connection is dead. */
function useRoundTrip(tab: Tab, active: boolean): void {
  const app = useApp();
  const { session } = tab;
  useEffect(() => {
    if (!active) return;
    let misses = 0;
    const timer = setInterval(async () => {
      if (document.hidden || session.phase.value.name !== "live") return;
      misses = (await app.wings.measure(session.wingId)) ? 0 : misses + 1;
      if (misses >= 2) {
        misses = 0;
        app.suspect(session.wingId);
      }
    }, ROUND_TRIP_EVERY_MS);
    return () => clearInterval(timer);
  }, [app, session, active]);
}
