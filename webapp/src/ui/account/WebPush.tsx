/** Notifications to browsers while no page is open: which browsers, and of what. */
import { push as api } from "../../net/notify.ts";
import { current, idOf, subscribe, supported, unsubscribe } from "../../notify/push.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { Events } from "./Events.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";
import { named } from "./Sessions.tsx";

const OFFERED =
  "Through the browser's own push service, encrypted for this browser: which program calls, in which folder of which " +
  "machine; never what is on the screen.";
const NOT_OFFERED =
  "This browser offers none on this page: they need https or localhost, and on an iPhone the page on its home screen.";

/** What the server keeps, and which of its browsers this one is. */
async function load() {
  const kept = await api.get();
  const mine = await current();
  const id = mine ? await idOf(mine) : "";
  const here = kept.subscriptions.some((one) => one.id === id) ? id : "";
  return { ...kept, here, others: kept.subscriptions.filter((one) => one.id !== here) };
}

export function WebPush() {
  const app = useApp();
  const loaded = useLoaded(load);
  const acting = useAction();
  const act = async (what: () => Promise<unknown>) => {
    const done = await acting.run(what);
    await loaded.reload();
    return done;
  };
  const turnOn = (key: string) =>
    act(async () => {
      const subscription = await subscribe(key);
      await api.add(subscription.toJSON());
    });
  const turnOff = () =>
    act(async () => {
      const ended = await unsubscribe();
      if (ended) await api.remove(await idOf(ended));
    });
  const test = async () => {
    if (await acting.run(api.test)) app.notices.show("A test message is on its way.");
  };
  return (
    <Panel title="While no page is open" testId="push">
      <Show of={loaded}>
        {({ key, here, others, events }) => (
          <>
            <label class="setting">
              <span>
                Notifications to this browser
                <small>
                  {supported() && key ? OFFERED : NOT_OFFERED}
                </small>
              </span>
              <input
                type="checkbox"
                class="switch"
                data-testid="push-here"
                disabled={!supported() || !key || acting.busy}
                checked={here !== ""}
                onChange={(event) => void (event.currentTarget.checked ? turnOn(key) : turnOff())}
              />
            </label>
            {others.length > 0 && (
              <>
                <h3>{here ? "Other browsers" : "Browsers"}</h3>
                <ul class="rows">
                  {others.map((one) => (
                    <Row
                      key={one.id}
                      testId="push-browser"
                      id={one.id}
                      title={named(one.agent)}
                      facts={facts(one.createdAt > 0 && `since ${date(one.createdAt)}`)}
                    >
                      <SureButton
                        label="Remove"
                        sure="Remove it now"
                        about={named(one.agent)}
                        testId="remove-push"
                        disabled={acting.busy}
                        onSure={() => void act(() => api.remove(one.id))}
                      />
                    </Row>
                  ))}
                </ul>
              </>
            )}
            {(here || others.length > 0) && (
              <>
                <Events
                  chosen={events}
                  testId="push"
                  disabled={acting.busy}
                  onChange={(chosen) => void act(() => api.setEvents(chosen))}
                />
                <div class="form-actions">
                  <button
                    type="button"
                    class="button"
                    data-testid="push-test"
                    disabled={acting.busy}
                    onClick={() => void test()}
                  >
                    Send a test
                  </button>
                </div>
              </>
            )}
          </>
        )}
      </Show>
      <Problem of={acting.problem} />
    </Panel>
  );
}
