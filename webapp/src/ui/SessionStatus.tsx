/** What stands between a person and a live terminal, and what can be done about it. */
import { useEffect, useState } from "preact/hooks";
import type { Tab } from "../state/tab.ts";
import { wingName } from "../state/wing.ts";
import type { Phase } from "../terminal/session.ts";
import { Banner, Countdown } from "./Banner.tsx";
import { useApp } from "./context.ts";
import { KeyChange } from "./KeyChange.tsx";
import { PasskeyGate } from "./PasskeyGate.tsx";

/** A start or attach that is quicker than this needs no words. */
const QUIET_MS = 500;

const BY_ITSELF = "The program goes on there, and its screen comes back by itself.";

/** What a node says to somebody who has left the organisation of a wing, or was removed from it. */
const NO_ACCESS = "you have no access to this wing any more";

export function SessionStatus({ tab }: { tab: Tab }) {
  const app = useApp();
  const { session } = tab;
  const phase = session.phase.value;
  const slow = useSlow(phase.name);
  const wing = app.wings.wings.value.find((candidate) => candidate.id === session.wingId);
  const name = wing ? wingName(wing) : "The wing";

  const again = (label: string) => (
    <button type="button" class="button small primary" data-testid="retry-now" onClick={() => session.again()}>
      {label}
    </button>
  );
  const close = (
    <button type="button" class="button small" onClick={() => app.detach(tab)}>
      Close
    </button>
  );

  switch (phase.name) {
    case "live":
      return null;
    case "connecting":
    case "starting":
    case "attaching":
      if (!slow) return null;
      return <Banner tone="info">{phase.name === "attaching" ? "Fetching the screen…" : "Starting the terminal…"}</Banner>;
    case "disconnected":
      // A fleet refuses the connection itself to a wing that it does not find: the server is there.
      if (app.wings.listed.value && !wing?.online) {
        return (
          <Banner
            tone="waiting"
            actions={
              <>
                {again("Try now")}
                {close}
              </>
            }
          >
            <span data-testid="wing-away">
              {wing ? `${name} is offline. ${BY_ITSELF}` : "Its wing is offline, or you have no access to it any more."}
            </span>
          </Banner>
        );
      }
      return (
        <Banner tone="waiting" actions={again("Retry now")}>
          Connection lost. <Countdown state={session.socketState.value} /> <Pause spectating={session.spectating} />
        </Banner>
      );
    case "wing-offline":
      return (
        <Banner tone="waiting" actions={again("Try now")}>
          {name} is offline. {BY_ITSELF}
        </Banner>
      );
    case "taken":
      return (
        <Banner
          tone="info"
          actions={
            <>
              <button type="button" class="button small primary" data-testid="take-back" onClick={() => session.again()}>
                Take back
              </button>
              {close}
            </>
          }
        >
          This terminal was opened elsewhere.
        </Banner>
      );
    case "passkey":
      return (
        <div class="overlay">
          <PasskeyGate session={session} name={name} phase={phase} onClose={() => app.detach(tab)} />
        </div>
      );
    case "key-changed":
      return (
        <div class="overlay">
          <KeyChange
            wingId={session.wingId}
            name={name}
            change={{ known: app.trust.known(session.wingId) ?? "", offered: phase.offered }}
          />
        </div>
      );
    case "exited":
      return (
        <Banner
          tone={phase.error ? "problem" : "info"}
          actions={
            <>
              {wing?.online && !session.spectating && (
                <button type="button" class="button small" data-testid="start-again" onClick={() => startAgain()}>
                  New one here
                </button>
              )}
              {close}
            </>
          }
        >
          <span data-testid="exited">{ending(phase)}</span>
        </Banner>
      );
    case "failed":
      return (
        <Banner
          tone="problem"
          actions={
            <>
              {again("Try again")}
              {close}
            </>
          }
        >
          {phase.message}
        </Banner>
      );
  }

  function startAgain(): void {
    const what = { wingId: session.wingId, agent: session.agent.value, cwd: session.cwd.value };
    app.detach(tab);
    app.open(what);
  }
}

function Pause({ spectating }: { spectating: boolean }) {
  return spectating ? null : <span class="dim">Typing is paused.</span>;
}

function ending({ exitCode, error, asked }: Extract<Phase, { name: "exited" }>): string {
  if (error === NO_ACCESS) return "You have no access to this wing any more. What runs in the terminal goes on there.";
  if (error) return `The terminal has ended: ${error}`;
  // Ended from here, its exit code is that of the signal, and news to nobody.
  if (asked) return "Ended.";
  return exitCode === 0 ? "The program has ended." : `The program has ended with exit code ${exitCode}.`;
}

function useSlow(phase: string): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    setSlow(false);
    const timer = setTimeout(() => setSlow(true), QUIET_MS);
    return () => clearTimeout(timer);
  }, [phase]);
  return slow;
}
