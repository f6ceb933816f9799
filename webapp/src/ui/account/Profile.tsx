/** Who the person is to the others. */
import { useEffect, useState } from "preact/hooks";
import { account, type Profile as ProfileAnswer } from "../../net/account.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { Panel, Show } from "./parts.tsx";

export function Profile() {
  const loaded = useLoaded(account.profile);
  return <Show of={loaded}>{(profile) => <ProfileForm profile={profile} onSaved={() => void loaded.reload()} />}</Show>;
}

function ProfileForm({ profile, onSaved }: { profile: ProfileAnswer; onSaved(): void }) {
  const app = useApp();
  const saving = useAction();
  const [name, setName] = useState(profile.name);
  useEffect(() => setName(profile.name), [profile.name]);
  const save = async () => {
    const wanted = name.trim();
    if (!(await saving.run(() => account.rename(wanted)))) return;
    app.renamed(wanted);
    app.notices.show("Your name is saved.");
    onSaved();
  };
  return (
    <Panel testId="profile">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="field">
          <span>Name</span>
          <input
            type="text"
            value={name}
            maxLength={64}
            required
            autocomplete="name"
            data-testid="display-name"
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <small>Members of your organisations see it, and it stands beside the machines that you share.</small>
        </label>
        <Problem of={saving.problem} />
        <div class="form-actions">
          <button
            type="submit"
            class="button primary"
            data-testid="save-profile"
            disabled={saving.busy || name.trim() === profile.name || !name.trim()}
          >
            Save
          </button>
        </div>
      </form>
      <dl class="known">
        {profile.email && (
          <>
            <dt>E-mail</dt>
            <dd data-testid="profile-email">{profile.email}</dd>
          </>
        )}
        <dt>Account</dt>
        <dd class="mono" data-testid="profile-id">
          {profile.id}
        </dd>
        {profile.createdAt > 0 && (
          <>
            <dt>Since</dt>
            <dd>{date(profile.createdAt)}</dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
