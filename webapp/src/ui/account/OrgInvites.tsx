/** Inviting people into an organisation, and the invitations that nobody has answered yet. */
import { useState } from "preact/hooks";
import { type Invited, type Org, orgs, type Role } from "../../net/orgs.ts";
import { addresses } from "../../state/account.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { copyText } from "../hooks.ts";
import { CopyIcon } from "../icons.tsx";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";

export function Invitations({ org }: { org: Org }) {
  const app = useApp();
  const pending = useLoaded(() => orgs.invites(org.id), [org.id, app.orgs.changes.value]);
  const revoking = useAction();
  const [invited, setInvited] = useState<Invited[]>([]);
  const changed = async () => {
    await pending.reload();
    await app.orgs.look();
  };
  const revoke = async (inviteId: string, email: string) => {
    await revoking.run(() => orgs.revokeInvite(org.id, inviteId));
    setInvited((known) => known.filter((one) => one.email.toLowerCase() !== email.toLowerCase()));
    await changed();
  };
  return (
    <Panel title="Invitations" testId="org-invites">
      <InviteForm
        org={org}
        onInvited={(made) => {
          setInvited(made);
          void changed();
        }}
      />
      {invited.length > 0 && <Links invited={invited} />}
      <Show of={pending}>
        {(invites) => (
          <>
            {invites.length > 0 && <h3>Not answered yet</h3>}
            <ul class="rows">
              {invites.map((invite) => (
                <Row
                  key={invite.id}
                  testId="invite"
                  id={invite.email}
                  title={invite.email}
                  facts={facts(
                    `as ${invite.role}`,
                    invite.invitedBy && `by ${invite.invitedBy}`,
                    invite.expiresAt > 0 && `until ${date(invite.expiresAt)}`,
                  )}
                >
                  <SureButton
                    label="Take back"
                    sure="Take it back now"
                    about={`the invitation of ${invite.email}`}
                    testId="revoke-invite"
                    disabled={revoking.busy}
                    onSure={() => void revoke(invite.id, invite.email)}
                  />
                </Row>
              ))}
            </ul>
          </>
        )}
      </Show>
      <Problem of={revoking.problem} />
    </Panel>
  );
}

function InviteForm({ org, onInvited }: { org: Org; onInvited(invited: Invited[]): void }) {
  const inviting = useAction();
  const [typed, setTyped] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = async () => {
    const { good, bad } = addresses(typed);
    if (bad.length > 0) {
      inviting.refuse(new Error(`Not an e-mail address: ${bad.join(", ")}`));
      return;
    }
    let made: Invited[] = [];
    const done = await inviting.run(async () => {
      made = await orgs.invite(org.id, good, role);
    });
    if (!done) return;
    setTyped("");
    onInvited(made);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void invite();
      }}
    >
      <label class="field">
        <span>E-mail addresses</span>
        <textarea
          rows={2}
          value={typed}
          required
          spellcheck={false}
          autocapitalize="off"
          placeholder="ada@example.org, grace@example.org"
          data-testid="invite-emails"
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <small>Each gets a link of their own, for this address alone, for seven days.</small>
      </label>
      <div class="form-actions spread">
        <label class="compact">
          As{" "}
          <select
            class="small"
            value={role}
            data-testid="invite-role"
            onChange={(event) => setRole(event.currentTarget.value === "admin" ? "admin" : "member")}
          >
            <option value="member">member</option>
            <option value="admin">admin</option>
          </select>
        </label>
        <button type="submit" class="button primary" data-testid="send-invites" disabled={inviting.busy || !typed.trim()}>
          Invite
        </button>
      </div>
      <Problem of={inviting.problem} />
    </form>
  );
}

function sent(invited: Invited[]): string {
  const one = invited.length === 1;
  const link = one ? "The link is" : "The links are";
  if (invited.every(({ mailed }) => mailed)) {
    return `${one ? "A letter is" : "Letters are"} on the way. ${link} shown here, too, and only now.`;
  }
  const not = invited.some(({ mailed }) => mailed) ? "Not all letters have gone" : "No letter has gone";
  return `${not}: copy the link${one ? "" : "s"} and send ${one ? "it" : "them"} yourself. ${link} shown only now.`;
}

function Links({ invited }: { invited: Invited[] }) {
  const app = useApp();
  const none = !invited.some(({ mailed }) => mailed);
  const copy = async (link: string) => {
    if (await copyText(link)) app.notices.show("Copied.");
    else app.notices.show("The browser did not allow copying.", "problem");
  };
  return (
    <div class="note" role="status" data-testid="invite-links">
      <p>{sent(invited)}</p>
      <ul>
        {invited.map(({ email, link, mailed }) => (
          <li key={email} class="copyable">
            <span>
              {email}
              {!mailed && !none && <small class="dim"> not mailed</small>}
            </span>
            {link && (
              <span class="joined">
                <input
                  type="text"
                  class="mono"
                  readOnly
                  value={link}
                  aria-label={`Link for ${email}`}
                  data-testid="invite-link"
                  onFocus={(event) => event.currentTarget.select()}
                />
                <button
                  type="button"
                  class="button"
                  aria-label={`Copy the link for ${email}`}
                  data-testid="copy-link"
                  onClick={() => void copy(link)}
                >
                  <CopyIcon /> Copy
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
