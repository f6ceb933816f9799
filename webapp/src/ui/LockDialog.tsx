import { fingerprint } from "../protocol/box.ts";
import { Dialog } from "./Dialog.tsx";

interface LockDialogProps {
  name: string;
  publicKey: string;
  onClose(): void;
}

export function LockDialog({ name, publicKey, onClose }: LockDialogProps) {
  return (
    <Dialog title="End-to-end encrypted" testId="lock-dialog" onClose={onClose}>
      <p>
        What you type and what you see is encrypted between this browser tab and <strong>{name}</strong>. The server in
        between passes it on and has no key: it sees which wing, when and how much, never what.
      </p>
      <p>
        The keys are X25519; messages are sealed with AES-256-GCM. This tab's key is made anew for every terminal and
        never leaves it. The wing's key stays on the machine, in the file <code>wing_key</code>, and this browser
        remembers it: if it changes, you are asked.
      </p>
      <h3>Fingerprint of the wing's key</h3>
      <p class="fingerprint large" data-testid="fingerprint">
        {fingerprint(publicKey)}
      </p>
      <p class="dim">
        To be certain, compare it once with what <code>wt doctor</code> shows on that machine.
      </p>
    </Dialog>
  );
}
