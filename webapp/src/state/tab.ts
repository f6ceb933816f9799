/** One open terminal: a session, its view, and what the tab strip shows of it. */
import { signal } from "@preact/signals";
import type { TerminalSession } from "../terminal/session.ts";
import type { TerminalView } from "../terminal/view.ts";

/** What survives a reload. */
export interface KeptTab {
  wingId: string;
  sessionId: string;
  spectate: boolean;
  agent: string;
  cwd: string;
}

export class Tab {
  readonly title = signal("");
  readonly attention = signal(false);

  constructor(
    /** Unique in this page, also before the session has an id. */
    readonly key: number,
    readonly session: TerminalSession,
    readonly view: TerminalView,
  ) {
    view.onTitle = (title) => {
      this.title.value = title.slice(0, 200);
    };
  }

  matches(sessionId: string, spectate: boolean): boolean {
    return this.session.sessionId === sessionId && this.session.spectating === spectate;
  }

  keep(): KeptTab | null {
    const { session } = this;
    if (session.sessionId === null || session.phase.value.name === "exited") return null;
    return {
      wingId: session.wingId,
      sessionId: session.sessionId,
      spectate: session.spectating,
      agent: session.agent.value,
      cwd: session.cwd.value,
    };
  }
}
