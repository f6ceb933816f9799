import { useState } from "preact/hooks";
import { killSession } from "../tunnel/calls.ts";
import { useApp } from "./context.ts";
import { Dialog } from "./Dialog.tsx";

interface KillDialogProps {
  wingId: string;
  sessionId: string;
  description: string;
  /** Tried first; answers false when the wing must be asked through the tunnel. */
  direct?(): boolean;
  onClose(): void;
}

export function KillDialog({ wingId, sessionId, description, direct, onClose }: KillDialogProps) {
  const app = useApp();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const kill = async () => {
    if (direct?.()) {
      onClose();
      return;
    }
    const tunnel = app.wings.tunnel(wingId);
    if (!tunnel) {
      setProblem("The wing is not connected just now.");
      return;
    }
    setBusy(true);
    try {
      app.tabs.find(sessionId, false)?.session.endAsked();
      await killSession(tunnel, sessionId);
      app.wings.removeSession(wingId, sessionId);
      onClose();
    } catch (why) {
      setProblem(why instanceof Error ? why.message : String(why));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Kill this terminal?" testId="kill-dialog" onClose={onClose}>
      <p>
        <strong>{description}</strong> and everything that runs in it is ended. What is not saved is lost.
      </p>
      {problem && <p class="problem">{problem}</p>}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button danger" data-testid="kill-confirm" disabled={busy} onClick={() => void kill()}>
          Kill
        </button>
      </div>
    </Dialog>
  );
}
