/** The warning that a wing presents another key than the one known. Nothing is sent to it until accepted. */
import { fingerprint } from "../protocol/box.ts";
import { useApp } from "./context.ts";
import { WarningIcon } from "./icons.tsx";

interface KeyChangeProps {
  wingId: string;
  name: string;
  change: { known: string; offered: string };
  onAccepted?(): void;
}

export function KeyChange({ wingId, name, change, onAccepted }: KeyChangeProps) {
  const app = useApp();
  return (
    <section class="warning" role="alert" data-testid="key-changed">
      <h3>
        <WarningIcon /> The key of {name} has changed
      </h3>
      <p>
        If you installed wingthing anew on that machine, this is expected. If not, somebody may be answering in its
        place. Compare with the fingerprint that <code>wt doctor</code> shows on the machine itself. Nothing is sent to
        it until you accept.
      </p>
      <dl class="keys">
        <dt>Known</dt>
        <dd class="fingerprint">{shown(change.known)}</dd>
        <dt>Now</dt>
        <dd class="fingerprint" data-testid="fingerprint">
          {shown(change.offered)}
        </dd>
      </dl>
      <button
        type="button"
        class="button danger"
        data-testid="accept-key"
        onClick={() => {
          app.wings.acceptKey(wingId, change.offered);
          onAccepted?.();
        }}
      >
        Accept the new key
      </button>
    </section>
  );
}

function shown(publicKey: string): string {
  try {
    return fingerprint(publicKey);
  } catch {
    return "not a key";
  }
}
