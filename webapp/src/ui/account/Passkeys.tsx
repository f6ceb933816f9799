/** The passkeys that open locked machines: made here, kept by this device or a security key. */
import { useState } from "preact/hooks";
import { type Passkey, passkeys } from "../../net/passkeys.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { Dialog } from "../Dialog.tsx";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";

export function Passkeys() {
  const loaded = useLoaded(passkeys.list);
  const removing = useAction();
  const [renaming, setRenaming] = useState<Passkey | null>(null);
  const changed = () => void loaded.reload();
  const remove = async (passkey: Passkey) => {
    await removing.run(() => passkeys.remove(passkey.id));
    await loaded.reload();
  };
  return (
    <Panel testId="passkeys">
      <p class="dim">
        A locked machine lets nobody in without a passkey that it knows. The passkey never leaves your device; this
        server keeps only its public half, and the machine itself checks what the passkey signs. Whom a machine lets in
        is said on that machine; what it has written down counts there also after you have deleted it here.
      </p>
      <Register onMade={changed} />
      <Show of={loaded}>
        {(known) => (
          <>
            {known.length === 0 && <p class="dim">You have no passkey yet.</p>}
            <ul class="rows">
              {known.map((passkey) => (
                <Row
                  key={passkey.id}
                  testId="passkey"
                  id={passkey.id}
                  title={passkey.label || "Passkey"}
                  facts={facts(
                    passkey.createdAt > 0 && `made ${date(passkey.createdAt)}`,
                    passkey.credentialId && `id ${passkey.credentialId.slice(0, 8)}…`,
                  )}
                >
                  <button
                    type="button"
                    class="button small"
                    data-testid="rename-passkey"
                    aria-label={`Rename ${passkey.label || "this passkey"}`}
                    onClick={() => setRenaming(passkey)}
                  >
                    Rename
                  </button>
                  <SureButton
                    label="Delete"
                    sure="Delete it now"
                    about={passkey.label || "this passkey"}
                    testId="delete-passkey"
                    disabled={removing.busy}
                    onSure={() => void remove(passkey)}
                  />
                </Row>
              ))}
            </ul>
          </>
        )}
      </Show>
      <Problem of={removing.problem} />
      {renaming && <Rename passkey={renaming} onClose={() => setRenaming(null)} onSaved={changed} />}
    </Panel>
  );
}

/** Why no passkey can be made here; empty where one can. */
function missing(): string {
  if (!window.isSecureContext) return "Passkeys need https, or localhost: open this page by such an address.";
  if (!("PublicKeyCredential" in window)) return "This browser has no passkeys (WebAuthn): open this page in a current one.";
  return "";
}

function Register({ onMade }: { onMade(): void }) {
  const app = useApp();
  const making = useAction();
  const why = missing();
  if (why) {
    return (
      <p class="problem" data-testid="passkeys-missing">
        {why}
      </p>
    );
  }
  const make = async () => {
    const made = await making.run(async () => {
      const publicKey = await passkeys.begin();
      await passkeys.finish(await created(publicKey));
    });
    if (made) app.notices.show("The passkey is registered.");
    onMade();
  };
  return (
    <>
      <div class="buttons">
        <button
          type="button"
          class="button primary"
          data-testid="register-passkey"
          disabled={making.busy}
          onClick={() => void make()}
        >
          {making.busy ? "Waiting for your device…" : "Make a passkey"}
        </button>
      </div>
      <Problem of={making.problem} />
    </>
  );
}

async function created(publicKey: PublicKeyCredentialCreationOptions): Promise<PublicKeyCredential> {
  let made: Credential | null;
  try {
    made = await navigator.credentials.create({ publicKey });
  } catch (why) {
    throw new Error(inWords(why), { cause: why });
  }
  if (!(made instanceof PublicKeyCredential)) throw new Error("The browser made no passkey. Try again.");
  return made;
}

/** What browsers say of it is for programmers (WebAuthn Level 3, 5.1.3). */
function inWords(why: unknown): string {
  const name = why instanceof DOMException ? why.name : "";
  if (name === "NotAllowedError") return "No passkey was made: it was cancelled, or took too long. Try again.";
  if (name === "InvalidStateError") return "This device has a passkey for this account already: see below.";
  if (name === "SecurityError") return "Passkeys do not work at this address: open the page by its proper name.";
  if (name === "NotSupportedError") return "This device cannot make a passkey of the kind that machines check (ES256).";
  return `No passkey was made: ${why instanceof Error ? why.message : String(why)}`;
}

function Rename({ passkey, onClose, onSaved }: { passkey: Passkey; onClose(): void; onSaved(): void }) {
  const saving = useAction();
  const [label, setLabel] = useState(passkey.label);
  const save = async () => {
    if (!(await saving.run(() => passkeys.rename(passkey.id, label.trim())))) return;
    onSaved();
    onClose();
  };
  return (
    <Dialog title="Rename this passkey" testId="rename-passkey-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="field">
          <span>Name</span>
          <input
            type="text"
            value={label}
            maxLength={64}
            required
            autofocus
            data-testid="passkey-label"
            onInput={(event) => setLabel(event.currentTarget.value)}
          />
        </label>
        <Problem of={saving.problem} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" data-testid="save-passkey" disabled={saving.busy || !label.trim()}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
