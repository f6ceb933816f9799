/** Where a terminal's call for attention goes: to this page, to browsers, to a phone. */
import { useState } from "preact/hooks";
import { askPermission, permission } from "../../notify/notifications.ts";
import { useApp } from "../context.ts";
import { Ntfy } from "./Ntfy.tsx";
import { Panel } from "./parts.tsx";
import { WebPush } from "./WebPush.tsx";

export function Notifications() {
  return (
    <>
      <Panel title="While a page is open" testId="page-notifications">
        <NotifySetting />
      </Panel>
      <WebPush />
      <Ntfy />
    </>
  );
}

function NotifySetting() {
  const app = useApp();
  const [granted, setGranted] = useState(permission());
  const explanation = {
    unsupported: "This browser offers none on this page (they need https or localhost).",
    denied: "Blocked for this page: allow them in the browser's settings.",
    default: "When a terminal wants your attention and you are looking elsewhere.",
    granted: "When a terminal wants your attention and you are looking elsewhere.",
  }[granted];
  const toggle = async (wanted: boolean) => {
    const now = wanted ? await askPermission() : granted;
    setGranted(now);
    app.settings.change({ notify: wanted && now === "granted" });
  };
  return (
    <label class="setting">
      <span>
        Notifications in this browser
        <small>{explanation}</small>
      </span>
      <input
        type="checkbox"
        class="switch"
        data-testid="notifications"
        disabled={granted === "unsupported" || granted === "denied"}
        checked={app.settings.value.value.notify && granted === "granted"}
        onChange={(event) => void toggle(event.currentTarget.checked)}
      />
    </label>
  );
}
