/** The organisations that the person is in, and the way to a new one. */
import { useState } from "preact/hooks";
import { orgs } from "../../net/orgs.ts";
import { accountPage } from "../../state/route.ts";
import { useApp } from "../context.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { facts, Panel, Show } from "./parts.tsx";

export function Orgs() {
  const app = useApp();
  const loaded = useLoaded(orgs.list, [app.orgs.changes.value]);
  return (
    <>
      <Panel testId="orgs">
        <p class="dim">
          An organisation shares machines: whoever is in it opens terminals on the machines that are registered for it.
        </p>
        <Show of={loaded}>
          {(known) =>
            known.length === 0 ? (
              <p class="dim">You are in none yet.</p>
            ) : (
              <ul class="rows">
                {known.map((org) => (
                  <li key={org.id}>
                    <a class="row" href={accountPage("orgs", org.id)} data-testid="org" data-id={org.id}>
                      <span class="row-text">
                        <span class="row-title">{org.name}</span>
                        <small>
                          {facts(
                            count(org.members, "member"),
                            org.invites > 0 && count(org.invites, "invitation"),
                            org.plan && `plan ${org.plan}`,
                          )}
                        </small>
                      </span>
                      <span class="tag">{org.role}</span>
                    </a>
                  </li>
                ))}
              </ul>
            )
          }
        </Show>
      </Panel>
      <Create />
    </>
  );
}

export const count = (number: number, of: string): string => `${number} ${of}${number === 1 ? "" : "s"}`;

function Create() {
  const app = useApp();
  const creating = useAction();
  const [name, setName] = useState("");
  const create = async () => {
    let id = "";
    const done = await creating.run(async () => {
      id = (await orgs.create(name.trim())).id;
      await app.orgs.refresh();
    });
    if (done) app.go({ view: "account", section: "orgs", orgId: id });
  };
  return (
    <Panel title="A new organisation">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <label class="field">
          <span>Name</span>
          <span class="joined">
            <input
              type="text"
              value={name}
              maxLength={64}
              required
              autocomplete="organization"
              data-testid="org-name"
              onInput={(event) => setName(event.currentTarget.value)}
            />
            <button type="submit" class="button primary" data-testid="create-org" disabled={creating.busy || !name.trim()}>
              Create
            </button>
          </span>
        </label>
        <Problem of={creating.problem} />
      </form>
    </Panel>
  );
}
