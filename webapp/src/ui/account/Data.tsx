/** Taking along what this server keeps of the person, and deleting it. */
import { useState } from "preact/hooks";
import { account, type Deletion } from "../../net/account.ts";
import { accountPage } from "../../state/route.ts";
import { useApp } from "../context.ts";
import { useLoaded } from "../loading.ts";
import { count } from "./Orgs.tsx";
import { Panel, Show } from "./parts.tsx";
import { TypedConfirm } from "./TypedConfirm.tsx";

export function Data() {
  const app = useApp();
  return (
    <>
      <Panel title="Take it along" testId="export">
        <p class="dim">
          Everything that this server keeps of you, as one JSON file: account, machines, browsers, organisations, usage,
          settings and the log. What is in your terminals is not in it: the server has never seen it.
        </p>
        <div class="buttons">
          <a class="button" href="/api/app/export" download data-testid="export-link">
            Download my data
          </a>
        </div>
      </Panel>
      {app.signIn && <Delete />}
    </>
  );
}

function Delete() {
  const loaded = useLoaded(account.deletion);
  return (
    <Panel title="Delete the account" testId="delete-account">
      <Show of={loaded}>{(deletion) => <DeleteForm deletion={deletion} />}</Show>
    </Panel>
  );
}

function DeleteForm({ deletion }: { deletion: Deletion }) {
  const app = useApp();
  const [asking, setAsking] = useState(false);
  const login = app.login.value;
  const me = login.name === "in" ? login.me : null;
  const blocked = deletion.blocking.length > 0 || deletion.planBlocking !== "";
  const remove = async (typed: string) => {
    await account.remove(typed);
    app.loginEnded(true);
  };
  return (
    <>
      {blocked && (
        <div class="note" data-testid="deletion-blocked">
          <p>This stands against it:</p>
          <ul class="plain">
            {deletion.planBlocking && (
              <li>
                <a href={accountPage("usage")}>Your plan</a>
                <span class="dim">: {deletion.planBlocking}</span>
              </li>
            )}
            {deletion.blocking.map(({ id, name, why }) => (
              <li key={id}>
                <a href={accountPage("orgs", id)}>{name || id}</a>
                {why && <span class="dim">: {why}</span>}
              </li>
            ))}
          </ul>
        </div>
      )}
      <p>With the account go, for ever:</p>
      <ul class="plain" data-testid="deletion-list">
        <li>every login of a machine or a browser, and all passkeys</li>
        {deletion.wings > 0 && <li>the way to {count(deletion.wings, "machine")}; what runs on them goes on</li>}
        {deletion.deleted.map(({ id, name }) => (
          <li key={id || name}>the organisation {name}: nobody else is in it</li>
        ))}
        <li>your place in the organisations of others</li>
        <li>settings, usage and the log</li>
      </ul>
      <div class="buttons">
        <button
          type="button"
          class="button danger"
          data-testid="delete-account-button"
          disabled={blocked || !me}
          onClick={() => setAsking(true)}
        >
          Delete my account…
        </button>
      </div>
      {asking && me && (
        <TypedConfirm
          title="Delete your account?"
          testId="delete-account-dialog"
          word={me.email || me.id}
          action="Delete it for ever"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p>You are logged out everywhere at once. Nobody can bring the account back.</p>
        </TypedConfirm>
      )}
    </>
  );
}
