/** The machines that are logged in as this person, each with a way to end that login. */
import { useEffect, useState } from "preact/hooks";
import { api, type Device } from "../net/api.ts";
import { wingName } from "../state/wing.ts";
import { useApp } from "./context.ts";

export function Devices() {
  const app = useApp();
  const [devices, setDevices] = useState<Device[] | null>(null);
  const [sure, setSure] = useState("");
  const load = async () => {
    try {
      setDevices(await api.devices());
    } catch (why) {
      // A server of others has no such list: then there is nothing to show.
      console.warn("the list of machines is not available:", why);
    }
  };
  useEffect(() => void load(), []);
  if (!devices || devices.length === 0) return null;
  const revoke = async (device: Device) => {
    if (sure !== device.id) {
      setSure(device.id);
      return;
    }
    try {
      await api.revokeDevice(device.id);
    } catch (why) {
      app.notices.show(`The login was not ended: ${why instanceof Error ? why.message : String(why)}`, "problem");
    }
    setSure("");
    await load();
  };
  const named = (device: Device) => {
    const wing = app.wings.find(device.wing_id);
    if (wing) return wingName(wing);
    return device.wing_id ? `machine ${device.wing_id.slice(0, 8)}` : "a token for any machine";
  };
  return (
    <details data-testid="devices">
      <summary>Machines that are logged in ({devices.length})</summary>
      <ul class="devices">
        {devices.map((device) => (
          <li key={device.id}>
            <span>
              {named(device)}
              <small>since {new Date(device.issued_at * 1000).toLocaleDateString()}</small>
            </span>
            <button
              type="button"
              class={sure === device.id ? "button danger" : "button"}
              data-testid="revoke-device"
              aria-label={`End the login of ${named(device)}`}
              onClick={() => void revoke(device)}
            >
              {sure === device.id ? "End it now" : "End login"}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
