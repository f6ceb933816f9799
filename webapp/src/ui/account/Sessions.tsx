/** The browsers that are logged in as this person. */
import { account } from "../../net/account.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { useNow } from "../hooks.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { lastUse } from "./Devices.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";

/** The server keeps what a browser calls itself in words: "Firefox 140 on Linux". */
export const named = (agent: string): string => agent || "A browser";

export function Sessions() {
  const app = useApp();
  const now = useNow(30_000) / 1000;
  const loaded = useLoaded(account.sessions);
  const ending = useAction();
  const end = async (act: () => Promise<unknown>) => {
    await ending.run(act);
    await loaded.reload();
  };
  return (
    <Panel testId="sessions">
      <p class="dim">A browser that you log out here loses its pages at once. What runs in the terminals goes on.</p>
      <Show of={loaded}>
        {(sessions) => (
          <>
            <ul class="rows">
              {sessions.map((session) => (
                <Row
                  key={session.id}
                  testId="login-session"
                  id={session.id}
                  title={
                    <>
                      {named(session.agent)}{" "}
                      {session.current && (
                        <span class="tag" data-testid="current-session">
                          this browser
                        </span>
                      )}
                    </>
                  }
                  facts={facts(
                    session.createdAt > 0 && `since ${date(session.createdAt)}`,
                    !session.current && session.usedAt > 0 && lastUse(session.usedAt, now),
                    session.address && `from ${session.address}`,
                  )}
                >
                  {session.current ? (
                    <button type="button" class="button small" onClick={() => void app.logout()}>
                      Log out
                    </button>
                  ) : (
                    <SureButton
                      label="Log out"
                      sure="Log it out now"
                      about={`${named(session.agent)} ${session.address}`}
                      testId="revoke-session"
                      disabled={ending.busy}
                      onSure={() => void end(() => account.revokeSession(session.id))}
                    />
                  )}
                </Row>
              ))}
            </ul>
            {sessions.some((session) => !session.current) && (
              <div class="form-actions">
                <SureButton
                  label="Log out all others"
                  sure="Log them out now"
                  about="all browsers but this one"
                  testId="revoke-other-sessions"
                  disabled={ending.busy}
                  onSure={() => void end(account.revokeOtherSessions)}
                />
              </div>
            )}
          </>
        )}
      </Show>
      <Problem of={ending.problem} />
    </Panel>
  );
}
