/** The ways by which the person gets in: which are linked, and which can be. */
import { useState } from "preact/hooks";
import { account, type Methods, type SignInMethod } from "../../net/account.ts";
import { webAddress } from "../../net/http.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { type Action, useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";

const EMAIL = "email";

export function SignIn() {
  const loaded = useLoaded(account.methods);
  return <Show of={loaded}>{(known) => <Known known={known} onChanged={() => void loaded.reload()} />}</Show>;
}

function Known({ known, onChanged }: { known: Methods; onChanged(): void }) {
  const app = useApp();
  const acting = useAction();
  const last = known.methods.length === 1;
  const named = (method: SignInMethod) =>
    method.name || known.available.find(({ provider }) => provider === method.provider)?.name || method.provider;
  const unlink = async (method: SignInMethod) => {
    if (!(await acting.run(() => account.unlink(method.id)))) return;
    app.notices.show(`You no longer get in with ${named(method)}.`);
    onChanged();
  };
  return (
    <>
      <Panel title="Linked">
        <p class="dim">
          Each of these gets you into this account. Unlinking one ends nothing: it only does not open the account any
          more, and can be linked again.
        </p>
        <ul class="rows">
          {known.methods.map((method) => (
            <Row
              key={method.id}
              testId="method"
              id={method.provider}
              title={named(method)}
              facts={facts(
                method.email,
                method.linkedAt > 0 && `linked ${date(method.linkedAt)}`,
                method.usedAt > 0 && `last used ${date(method.usedAt)}`,
              )}
            >
              {last ? (
                <span class="dim" data-testid="last-method">
                  your only one
                </span>
              ) : (
                <SureButton
                  label="Unlink"
                  sure="Unlink it now"
                  about={`${named(method)} ${method.email}`}
                  testId="unlink"
                  disabled={acting.busy}
                  onSure={() => void unlink(method)}
                />
              )}
            </Row>
          ))}
        </ul>
        {last && <p class="dim">The last way in cannot be unlinked: link another first.</p>}
        <Problem of={acting.problem} />
      </Panel>
      <Link known={known} />
    </>
  );
}

function Link({ known }: { known: Methods }) {
  const linking = useAction();
  const others = known.available.filter(({ provider }) => provider !== EMAIL);
  const byEmail = known.available.some(({ provider }) => provider === EMAIL);
  if (known.available.length === 0) return null;
  const link = (provider: string) =>
    linking.run(async () => {
      const location = await account.link(provider);
      const target = webAddress(location) ?? (location.startsWith("/") ? location : "");
      if (!target) throw new Error("The server did not say where to go.");
      window.location.assign(target);
    });
  return (
    <Panel title="Link another">
      {others.length > 0 && <p class="dim">You go to the provider, sign in there, and come back.</p>}
      {others.length > 0 && (
        <div class="buttons">
          {others.map(({ provider, name }) => (
            <button
              key={provider}
              type="button"
              class="button"
              data-testid={`link-${provider}`}
              disabled={linking.busy}
              onClick={() => void link(provider)}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      {byEmail && <LinkEmail linking={linking} />}
      <Problem of={linking.problem} />
    </Panel>
  );
}

function LinkEmail({ linking }: { linking: Action }) {
  const [email, setEmail] = useState("");
  const [sentTo, setSentTo] = useState("");
  const send = async () => {
    setSentTo("");
    if (await linking.run(() => account.link(EMAIL, email.trim()))) setSentTo(email.trim());
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <label class="field">
        <span>An e-mail address</span>
        <span class="joined">
          <input
            type="email"
            value={email}
            required
            autocomplete="email"
            data-testid="link-email-input"
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
          <button type="submit" class="button" data-testid="link-email" disabled={linking.busy}>
            Send a link
          </button>
        </span>
      </label>
      {sentTo && (
        <p role="status" data-testid="link-email-sent">
          A message is on its way to {sentTo}. Open the link in it in this browser; it works once, for 15 minutes.
        </p>
      )}
    </form>
  );
}
