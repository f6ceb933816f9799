/** A locked wing asks for a passkey before it opens a terminal. */
import { useEffect, useRef } from "preact/hooks";
import type { Phase, TerminalSession } from "../terminal/session.ts";
import { KeyIcon } from "./icons.tsx";
import { PasskeyTrouble } from "./PasskeyTrouble.tsx";

interface PasskeyGateProps {
  session: TerminalSession;
  name: string;
  phase: Extract<Phase, { name: "passkey" }>;
  onClose(): void;
}

export function PasskeyGate({ session, name, phase, onClose }: PasskeyGateProps) {
  const button = useRef<HTMLButtonElement>(null);
  const waiting = phase.at === "waiting";
  useEffect(() => {
    if (waiting) button.current?.focus();
  }, [waiting]);
  return (
    <section class="gate" aria-labelledby="gate-heading" data-testid="passkey-gate" data-at={phase.at}>
      <span class="gate-mark">
        <KeyIcon />
      </span>
      <h2 id="gate-heading">{name} is locked</h2>
      <p class="dim" role="status">
        {WORDS[phase.at]}
      </p>
      {waiting && phase.problem && <PasskeyTrouble problem={phase.problem} />}
      <div class="buttons">
        <button
          ref={button}
          type="button"
          class="button primary"
          data-testid="use-passkey"
          disabled={!waiting}
          onClick={() => session.usePasskey()}
        >
          {phase.problem ? "Try again" : "Use passkey"}
        </button>
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </section>
  );
}

const WORDS = {
  waiting: "It asks for your passkey before it lets you in.",
  prompt: "Your browser asks for the passkey.",
  checking: "The machine checks what your passkey has signed…",
};
