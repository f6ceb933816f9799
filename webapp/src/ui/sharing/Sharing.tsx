/** Who may use a wing and which of its folders, for those who manage it. The wing keeps and enforces all of it. */
import { NOT_ALLOWED, PASSKEY_REQUIRED } from "../../passkey/refusal.ts";
import { type Wing, wingName } from "../../state/wing.ts";
import { type TunnelClient, WingRefused, WingUnreachable } from "../../tunnel/client.ts";
import { type Allowed, listAllowed, listShared, type SharedFolder } from "../../tunnel/sharing.ts";
import { useApp } from "../context.ts";
import { Dialog } from "../Dialog.tsx";
import { LockIcon } from "../icons.tsx";
import { useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { Unlock } from "../Unlock.tsx";
import { Folders } from "./Folders.tsx";
import { People } from "./People.tsx";

interface Rules {
  allowed: Allowed[];
  folders: SharedFolder[];
}

export function Sharing({ wing, onClose }: { wing: Wing; onClose(): void }) {
  const app = useApp();
  const tunnel = (): TunnelClient => {
    const found = app.wings.tunnel(wing.id);
    if (!found) throw new WingUnreachable("The wing is not connected just now.");
    return found;
  };
  const rules = useLoaded<Rules>(async () => {
    const [allowed, folders] = await Promise.all([listAllowed(tunnel()), listShared(tunnel())]);
    return { allowed, folders };
  });
  const refused = rules.problem instanceof WingRefused ? rules.problem.code : "";
  // What counts elsewhere on the page, such as `locked`, may have changed with it.
  const changed = async () => {
    await rules.reload();
    void app.wings.probe(wing.id);
  };
  return (
    <Dialog title={`Sharing ${wingName(wing)}`} testId="sharing-dialog" onClose={onClose}>
      <div class="sharing">
        {refused === PASSKEY_REQUIRED ? (
          <Unlock wingId={wing.id} onUnlocked={() => void rules.reload()} />
        ) : refused === NOT_ALLOWED ? (
          <p data-testid="not-managed">
            Who may use this machine is decided by {wing.owner || "its owner"} and whom they have named as admins.
          </p>
        ) : (
          <Problem of={rules.problem} onRetry={() => void rules.reload()} />
        )}
        {refused === "" && rules.value && (
          <>
            <LockState wing={wing} />
            <People wing={wing} allowed={rules.value.allowed} tunnel={tunnel} onChanged={changed} />
            <Folders folders={rules.value.folders} home={wing.info?.home} tunnel={tunnel} onChanged={changed} />
          </>
        )}
        {rules.value === null && rules.problem === null && (
          <p class="dim" role="status">
            Asking the machine…
          </p>
        )}
      </div>
    </Dialog>
  );
}

function LockState({ wing }: { wing: Wing }) {
  const locked = wing.info?.locked === true;
  const others = wing.orgId ? "and every member of its organisation" : "and nobody else";
  return (
    <section class={locked ? "lock-state locked" : "lock-state"} data-testid="lock-state" data-locked={locked}>
      <LockIcon />
      <p>
        <strong>{locked ? "Locked." : "Not locked."}</strong>{" "}
        {locked
          ? "Only who is listed here comes in, each with a passkey."
          : `Whoever reaches it may use it: its owner ${others}. The list counts once it is locked.`}{" "}
        <span class="dim">
          That is done on the machine itself, with <code>{locked ? "wt wing unlock" : "wt wing lock"}</code>.
        </span>
      </p>
    </section>
  );
}
