/** A locked wing, and the way in: a passkey, through the tunnel. */
import { useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type PasskeyProblem } from "../passkey/problem.ts";
import { useApp } from "./context.ts";
import { KeyIcon } from "./icons.tsx";
import { PasskeyTrouble } from "./PasskeyTrouble.tsx";

interface UnlockProps {
  wingId: string;
  onUnlocked?: () => void;
}

export function Unlock({ wingId, onUnlocked }: UnlockProps) {
  const app = useApp();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<PasskeyProblem | null>(null);
  const here = useRef<AbortController | null>(null);
  useEffect(() => () => here.current?.abort(), []);

  const unlock = async () => {
    const prompt = new AbortController();
    here.current = prompt;
    setBusy(true);
    setProblem(null);
    try {
      await app.passkeys.unlock(wingId, prompt.signal);
      if (!prompt.signal.aborted) onUnlocked?.();
    } catch (why) {
      setProblem(asProblem(why));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div class="unlock" data-testid="locked">
      <p class="unlock-line">
        <KeyIcon />
        <span class="unlock-words">This machine is locked. It asks for your passkey.</span>
        <button
          type="button"
          class="button primary"
          data-testid="unlock"
          disabled={busy}
          onClick={() => void unlock()}
        >
          {busy ? "Waiting…" : "Unlock"}
        </button>
      </p>
      {problem && <PasskeyTrouble problem={problem} />}
    </div>
  );
}
