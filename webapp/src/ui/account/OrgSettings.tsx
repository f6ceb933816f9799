/** Renaming an organisation, handing it over, leaving it, deleting it. */
import { useState } from "preact/hooks";
import { type Member, type Org, orgs } from "../../net/orgs.ts";
import { useApp } from "../context.ts";
import { useAction } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { Panel } from "./parts.tsx";
import { TypedConfirm } from "./TypedConfirm.tsx";

export function OrgSettings({ org, members }: { org: Org; members: readonly Member[] }) {
  // The last owner cannot leave.
  const mayLeave = !org.isOwner || members.filter(({ role }) => role === "owner").length > 1;
  return (
    <>
      {(org.isOwner || org.role === "admin") && <Rename org={org} />}
      {org.isOwner && <Transfer org={org} members={members} />}
      {mayLeave && <Leave org={org} />}
      {org.isOwner && <Delete org={org} alone={!mayLeave} />}
    </>
  );
}

function Rename({ org }: { org: Org }) {
  const app = useApp();
  const saving = useAction();
  const [name, setName] = useState(org.name);
  const save = async () => {
    const done = await saving.run(async () => {
      await orgs.rename(org.id, name.trim());
      await app.orgs.refresh();
    });
    if (done) app.notices.show("The name is saved.");
  };
  return (
    <Panel title="Name" testId="org-rename">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <span class="joined">
          <input
            type="text"
            value={name}
            maxLength={64}
            required
            aria-label="Name of the organisation"
            data-testid="org-rename-input"
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <button
            type="submit"
            class="button"
            data-testid="rename-org"
            disabled={saving.busy || !name.trim() || name.trim() === org.name}
          >
            Save
          </button>
        </span>
        <Problem of={saving.problem} />
      </form>
    </Panel>
  );
}

function Transfer({ org, members }: { org: Org; members: readonly Member[] }) {
  const app = useApp();
  const login = app.login.value;
  const others = members.filter(({ userId }) => login.name === "in" && userId !== login.me.id);
  const acting = useAction();
  const [chosen, setChosen] = useState("");
  const to = others.find(({ userId }) => userId === chosen);
  const transfer = async () => {
    if (!to) return;
    const done = await acting.run(async () => {
      await orgs.transfer(org.id, to.userId);
      await app.orgs.refresh();
    });
    if (done) app.notices.show(`${org.name} belongs to ${to.name} now. You are an admin of it.`);
  };
  return (
    <Panel title="Ownership" testId="org-transfer">
      <p class="dim">Hand your ownership over to a member. You stay as an admin.</p>
      {others.length === 0 ? (
        <p class="dim">There is nobody else in it yet.</p>
      ) : (
        <div class="joined">
          <select
            value={chosen}
            aria-label="New owner"
            data-testid="transfer-to"
            onChange={(event) => setChosen(event.currentTarget.value)}
          >
            <option value="">Choose a member</option>
            {others.map((member) => (
              <option key={member.userId} value={member.userId}>
                {member.name}
              </option>
            ))}
          </select>
          <SureButton
            label="Hand over"
            sure="Hand over now"
            about={to?.name ?? "nobody chosen"}
            testId="transfer"
            disabled={acting.busy || !to}
            onSure={() => void transfer()}
          />
        </div>
      )}
      <Problem of={acting.problem} />
    </Panel>
  );
}

function Leave({ org }: { org: Org }) {
  const app = useApp();
  const leaving = useAction();
  const login = app.login.value;
  const leave = async () => {
    if (login.name !== "in") return;
    const { id } = login.me;
    if (!(await leaving.run(() => orgs.removeMember(org.id, id)))) return;
    app.notices.show(`You have left ${org.name}.`);
    app.go({ view: "account", section: "orgs", orgId: null });
    void app.refresh();
  };
  return (
    <Panel title="Leave" testId="org-leave">
      <p class="dim">You lose the machines of others in it, and your open terminals on them. Yours stay yours.</p>
      <div class="buttons">
        <SureButton
          label="Leave this organisation"
          sure="Leave now"
          about={org.name}
          testId="leave-org"
          disabled={leaving.busy}
          onSure={() => void leave()}
        />
      </div>
      <Problem of={leaving.problem} />
    </Panel>
  );
}

function Delete({ org, alone }: { org: Org; alone: boolean }) {
  const app = useApp();
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    await orgs.remove(org.id);
    setAsking(false);
    app.notices.show(`${org.name} is deleted.`);
    app.go({ view: "account", section: "orgs", orgId: null });
    void app.refresh();
  };
  return (
    <Panel title="Delete" testId="org-delete">
      {alone && <p class="dim">As its only owner you cannot leave it: hand it over first, or delete it.</p>}
      <div class="buttons">
        <button type="button" class="button danger" data-testid="delete-org" onClick={() => setAsking(true)}>
          Delete this organisation…
        </button>
      </div>
      {asking && (
        <TypedConfirm
          title={`Delete ${org.name}?`}
          testId="delete-org-dialog"
          word={org.name}
          action="Delete it for ever"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p>
            Its members lose the machines that were shared with them, open terminals included. The machines stay with
            their owners. Nobody can take this back.
          </p>
        </TypedConfirm>
      )}
    </Panel>
  );
}
