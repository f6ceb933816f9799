/** In which folders of a wing terminals may start, and whose they are. */
import { useState } from "preact/hooks";
import { expandHome, isPath } from "../../state/folders.ts";
import { shortPath } from "../../state/wing.ts";
import type { TunnelClient } from "../../tunnel/client.ts";
import { addMember, removeMember, setShared, type SharedFolder } from "../../tunnel/sharing.ts";
import { useAction } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";

interface FoldersProps {
  folders: readonly SharedFolder[];
  home: string | undefined;
  /** Throws when the wing is not connected. */
  tunnel(): TunnelClient;
  onChanged(): Promise<void>;
}

export function Folders({ folders, home, tunnel, onChanged }: FoldersProps) {
  const [path, setPath] = useState("");
  const action = useAction();
  const change = async (act: () => Promise<unknown>) => {
    const done = await action.run(act);
    if (done) await onChanged();
    return done;
  };
  const add = async () => {
    const wanted = expandHome(path.trim(), home).replace(/(.)\/+$/, "$1");
    if (!isPath(wanted)) {
      action.refuse(new Error("Type a path that begins with / or ~."));
      return;
    }
    if (await change(() => setShared(tunnel(), [...folders, { path: wanted, members: [] }]))) setPath("");
  };
  return (
    <section data-testid="folders">
      <h3>Folders</h3>
      {folders.length > 0 ? (
        <ul class="box-list">
          {folders.map((folder) => (
            <li key={folder.path} class="folder" data-testid="folder" data-path={folder.path}>
              <div class="folder-head">
                <span class="mono folder-path">{shortPath(folder.path, home)}</span>
                {folders.length > 1 && (
                  <SureButton
                    label="Remove"
                    sure="Remove now"
                    about={folder.path}
                    testId="remove-folder"
                    disabled={action.busy}
                    onSure={() => void change(() => setShared(tunnel(), folders.filter((other) => other !== folder)))}
                  />
                )}
              </div>
              <Members
                folder={folder}
                busy={action.busy}
                onAdd={(email) => change(() => addMember(tunnel(), folder.path, email))}
                onRemove={(member) => void change(() => removeMember(tunnel(), folder.path, member))}
              />
            </li>
          ))}
        </ul>
      ) : (
        <p class="dim">None is named: terminals start anywhere in the home folder.</p>
      )}
      <form
        class="joined"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          type="text"
          class="mono"
          aria-label="Path of another folder"
          placeholder="~/projects"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          data-testid="folder-path"
          value={path}
          onInput={(event) => setPath(event.currentTarget.value)}
        />
        <button type="submit" class="button" data-testid="add-folder" disabled={action.busy}>
          Add folder
        </button>
      </form>
      <Problem of={action.problem} />
    </section>
  );
}

interface MembersProps {
  folder: SharedFolder;
  busy: boolean;
  onAdd(email: string): Promise<boolean>;
  onRemove(member: string): void;
}

function Members({ folder, busy, onAdd, onRemove }: MembersProps) {
  const [adding, setAdding] = useState(false);
  const [email, setEmail] = useState("");
  const { members } = folder;
  const add = async () => {
    if (!(await onAdd(email.trim()))) return;
    setEmail("");
    setAdding(false);
  };
  return (
    <div class="members">
      <span class="dim">{members.length > 0 ? "Only for" : "For everybody who may use this machine."}</span>
      {members.map((member) => (
        <span key={member} class="member" data-testid="member">
          {member}
          <button
            type="button"
            class="member-remove"
            aria-label={`Take ${folder.path} from ${member}`}
            title={members.length > 1 ? "Remove" : "The last one stays: remove the folder instead"}
            data-testid="remove-member"
            disabled={busy || members.length < 2}
            onClick={() => onRemove(member)}
          >
            ×
          </button>
        </span>
      ))}
      {adding ? (
        <form
          class="joined"
          onSubmit={(event) => {
            event.preventDefault();
            void add();
          }}
        >
          <input
            type="email"
            required
            autofocus
            aria-label={`E-mail address of who may use ${folder.path}`}
            placeholder="name@example.org"
            autocomplete="off"
            data-testid="member-email"
            value={email}
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
          <button type="submit" class="button" data-testid="add-member" disabled={busy}>
            Add
          </button>
        </form>
      ) : (
        <button type="button" class="link" data-testid="new-member" onClick={() => setAdding(true)}>
          {members.length > 0 ? "Add somebody" : "Keep it for some"}
        </button>
      )}
    </div>
  );
}
