/** Notifications through ntfy: to a topic that any phone can follow. */
import { useState } from "preact/hooks";
import { ALL_EVENTS, type Ntfy as NtfyAnswer, ntfyApi, type WantedNtfy } from "../../net/notify.ts";
import { useApp } from "../context.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { Events } from "./Events.tsx";
import { Panel, Show } from "./parts.tsx";

export function Ntfy() {
  const loaded = useLoaded(ntfyApi.get);
  return (
    <Panel title="ntfy" testId="ntfy">
      <p class="dim">
        The ntfy app on a phone follows a topic and rings when something is sent to it. Whoever knows the name of the
        topic can follow it too: let one be made that nobody guesses, or protect yours with a token.
      </p>
      <Show of={loaded}>{(kept) => <NtfyForm kept={kept} onSaved={() => void loaded.reload()} />}</Show>
    </Panel>
  );
}

function NtfyForm({ kept, onSaved }: { kept: NtfyAnswer; onSaved(): void }) {
  const app = useApp();
  const acting = useAction();
  const [changed, setChanged] = useState<Partial<WantedNtfy>>({});
  // Whoever sets a topic for the first time wants to be told of everything, until they say otherwise.
  const events = kept.topic ? kept.events : ALL_EVENTS;
  const wanted: WantedNtfy = { topic: kept.topic, token: "", events, ...changed };
  const change = (part: Partial<WantedNtfy>) => setChanged((known) => ({ ...known, ...part }));
  const unsaved = wanted.topic !== kept.topic || wanted.token !== "" || wanted.events.join() !== events.join();
  const save = async () => {
    const topic = wanted.topic.trim();
    if (!(await acting.run(() => ntfyApi.save({ ...wanted, topic, token: wanted.token?.trim() ?? null })))) return;
    setChanged({});
    app.notices.show(topic ? "Saved." : "Nothing is sent to ntfy any more.");
    onSaved();
  };
  const generate = () =>
    acting.run(async () => {
      change({ topic: await ntfyApi.generate() });
    });
  const test = async () => {
    if (await acting.run(ntfyApi.test)) app.notices.show("A test message is on its way.");
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label class="field">
        <span>Topic</span>
        <span class="joined">
          <input
            type="text"
            value={wanted.topic}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            data-testid="ntfy-topic"
            onInput={(event) => change({ topic: event.currentTarget.value })}
          />
          <button
            type="button"
            class="button"
            data-testid="ntfy-generate"
            disabled={acting.busy}
            onClick={() => void generate()}
          >
            Make one
          </button>
        </span>
        <small>{kept.server && `At ${new URL(kept.server).host}. `}Leave it empty, and nothing is sent.</small>
      </label>
      <label class="field">
        <span>Token</span>
        <input
          type="password"
          value={wanted.token ?? ""}
          disabled={wanted.token === null}
          autocomplete="off"
          placeholder={kept.hasToken ? "one is kept" : ""}
          data-testid="ntfy-token"
          onInput={(event) => change({ token: event.currentTarget.value })}
        />
        <small>Only for a topic that is protected. It is kept on the server and never shown again.</small>
      </label>
      {kept.hasToken && (
        <label class="check">
          <input
            type="checkbox"
            class="switch"
            checked={wanted.token === null}
            data-testid="ntfy-forget-token"
            onChange={(event) => change({ token: event.currentTarget.checked ? null : "" })}
          />
          Forget the token that is kept
        </label>
      )}
      <Events chosen={wanted.events} testId="ntfy" onChange={(events) => change({ events })} />
      <div class="form-actions">
        <button
          type="button"
          class="button"
          data-testid="ntfy-test"
          disabled={acting.busy || unsaved || !kept.topic}
          onClick={() => void test()}
        >
          Send a test
        </button>
        <button type="submit" class="button primary" data-testid="ntfy-save" disabled={acting.busy || !unsaved}>
          Save
        </button>
      </div>
      <Problem of={acting.problem} />
    </form>
  );
}
