/** The warning that a wing presents another key than the one known. Its terminals are not opened until accepted. */
import { fingerprint } from "../protocol/box.ts";
import { useApp } from "./context.ts";
import { WarningIcon } from "./icons.tsx";

interface KeyChangeProps {
  wingId: string;
  name: string;
  change: { known: string; offered: string };
}

export function KeyChange({ wingId, name, change }: KeyChangeProps) {
  const app = useApp();
  return (
    <section class="warning" role="alert" data-testid="key-changed">
      <h3>
        <WarningIcon /> The key of {name} has changed
      </h3>
      <p>
        If you installed wingthing anew on that machine, this is expected. If not, somebody may be answering in its
        place. Compare with the fingerprint that <code>wt doctor</code> shows on the machine itself. Nothing that you type
        goes there until you accept.
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
        onClick={() => app.acceptKey(wingId, change.offered)}
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
