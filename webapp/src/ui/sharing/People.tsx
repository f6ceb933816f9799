/** Who may use a wing while it is locked. */
import { useState } from "preact/hooks";
import { ownPasskeys } from "../../passkey/mine.ts";
import { userOf } from "../../passkey/people.ts";
import { accountPage } from "../../state/route.ts";
import type { Wing } from "../../state/wing.ts";
import type { TunnelClient } from "../../tunnel/client.ts";
import { allow, type Allowed, disallow } from "../../tunnel/sharing.ts";
import { facts, Row } from "../account/parts.tsx";
import { useApp } from "../context.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";

interface PeopleProps {
  wing: Wing;
  allowed: readonly Allowed[];
  /** Throws when the wing is not connected. */
  tunnel(): TunnelClient;
  onChanged(): Promise<void>;
}

export function People({ wing, allowed, tunnel, onChanged }: PeopleProps) {
  const app = useApp();
  const login = app.login.value;
  const me = login.name === "in" ? login.me : null;
  const [email, setEmail] = useState("");
  const [note, setNote] = useState("");
  const action = useAction();

  const isMe = (one: Allowed) =>
    me !== null &&
    ((one.userId !== "" && one.userId === me.id) ||
      (one.email !== "" && one.email.toLowerCase() === me.email?.toLowerCase()));
  const nameOf = (one: Allowed) =>
    one.email || (isMe(one) ? "You" : one.userId) || "Whoever has this passkey";
  const change = async (act: () => Promise<unknown>) => {
    setNote("");
    const done = await action.run(act);
    if (done) await onChanged();
    return done;
  };
  const add = async () => {
    const address = email.trim();
    if (!/^[^\s@]+@[^\s@]+$/.test(address)) {
      action.refuse(new Error("Type the e-mail address that they sign in with."));
      return;
    }
    let userId = "";
    const done = await change(async () => {
      userId = await userOf(address);
      await allow(tunnel(), { userId, email: address });
    });
    if (!done) return;
    setEmail("");
    if (!userId) setNote(`Nobody signs in here as ${address} yet. They are let in as soon as they do.`);
  };

  return (
    <section data-testid="people">
      <h3>People</h3>
      {allowed.length > 0 ? (
        <ul class="box-list">
          {allowed.map((one) => (
            <Row
              key={`${one.userId}/${one.email}/${one.key}`}
              testId="allowed"
              id={one.email || one.userId || one.key}
              title={nameOf(one)}
              facts={facts(
                one.email !== "" && isMe(one) && "you",
                one.key ? `by the passkey ${shortKey(one.key)}` : FIRST_COUNTS,
              )}
            >
              <SureButton
                label="Remove"
                sure="Remove now"
                about={nameOf(one)}
                testId="disallow"
                disabled={action.busy}
                onSure={() => void change(() => disallow(tunnel(), one))}
              />
            </Row>
          ))}
        </ul>
      ) : (
        <p class="dim">Nobody is listed yet.</p>
      )}
      <form
        class="joined"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          type="email"
          aria-label="E-mail address of who may use it"
          placeholder="name@example.org"
          autocomplete="off"
          data-testid="allow-email"
          value={email}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <button type="submit" class="button" data-testid="allow" disabled={action.busy}>
          Allow
        </button>
      </form>
      <Problem of={action.problem} />
      {note && (
        <p class="dim aside" role="status">
          {note}
        </p>
      )}
      {me !== null && wing.ownerId === me.id && !allowed.some(isMe) && (
        <Myself busy={action.busy} onAllow={() => void change(() => allow(tunnel(), {}))} />
      )}
    </section>
  );
}

/** The owner comes in on the server's word, as long as the list does not name them. */
function Myself({ busy, onAllow }: { busy: boolean; onAllow(): void }) {
  const mine = useLoaded(ownPasskeys);
  const none = mine.value?.length === 0;
  return (
    <p class="dim aside" data-testid="myself">
      You are the owner, and not on the list: the server's word that it is you is enough.{" "}
      {none ? (
        <>
          To be asked for a passkey too, <a href={accountPage("passkeys")}>register one</a> first.
        </>
      ) : (
        <button
          type="button"
          class="link"
          data-testid="allow-me"
          disabled={busy || mine.value === null}
          onClick={onAllow}
        >
          Ask me for my passkey too
        </button>
      )}
    </p>
  );
}

const FIRST_COUNTS = "by the first passkey that they use";

/** Enough of a public key to tell it from others. */
const shortKey = (key: string): string => `${key.slice(0, 8)}…`;
