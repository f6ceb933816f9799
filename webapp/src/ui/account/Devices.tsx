/** The machines that are logged in as this person, each with a way to end that login. */
import { account, type Device } from "../../net/account.ts";
import { ago, date } from "../../state/format.ts";
import { wingName } from "../../state/wing.ts";
import { useApp } from "../context.ts";
import { useNow } from "../hooks.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";

export function Devices() {
  const app = useApp();
  const now = useNow(30_000) / 1000;
  const loaded = useLoaded(account.devices);
  const ending = useAction();
  const named = (device: Device) => {
    const wing = app.wings.find(device.wingId);
    if (wing) return wingName(wing);
    return device.wingId ? `machine ${device.wingId.slice(0, 8)}` : "a token for any machine";
  };
  const end = async (act: () => Promise<unknown>) => {
    await ending.run(act);
    await loaded.reload();
  };
  return (
    <Panel testId="devices">
      <p class="dim">
        Each machine that runs <code>wt login</code> gets a token. Ending its login cuts the machine off at once; its
        terminals go on, and it comes back with another <code>wt login</code>.
      </p>
      <Show of={loaded}>
        {(devices) => (
          <>
            {devices.length === 0 && <p class="dim">No machine is logged in.</p>}
            <ul class="rows">
              {devices.map((device) => (
                <Row
                  key={device.id}
                  testId="device"
                  id={device.wingId}
                  title={named(device)}
                  facts={facts(
                    app.wings.find(device.wingId)?.online && "online",
                    device.issuedAt > 0 && `logged in ${date(device.issuedAt)}`,
                    device.usedAt > 0 ? lastUse(device.usedAt, now) : "not used yet",
                    device.expiresAt > 0 && `until ${date(device.expiresAt)}`,
                  )}
                >
                  <SureButton
                    label="End login"
                    sure="End it now"
                    about={named(device)}
                    testId="revoke-device"
                    disabled={ending.busy}
                    onSure={() => void end(() => account.revokeDevice(device.id))}
                  />
                </Row>
              ))}
            </ul>
            {devices.length > 1 && (
              <div class="form-actions">
                <SureButton
                  label="End all logins"
                  sure="End them all now"
                  about={`${devices.length} machines`}
                  testId="revoke-all-devices"
                  disabled={ending.busy}
                  onSure={() => void end(account.revokeAllDevices)}
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

/** "last used 5 min ago". */
export function lastUse(at: number, now: number): string {
  const since = ago(at, now);
  return `last used ${since === "just now" ? since : `${since} ago`}`;
}
