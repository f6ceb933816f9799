/**
 * Browser notifications for a terminal that asks for attention while it is not being looked at. Shown through
 * a service worker where there is one (phones know no other way), otherwise by the page itself.
 */
import { listen, worker } from "./worker.ts";

export type Permission = "granted" | "denied" | "default" | "unsupported";

export function permission(): Permission {
  // Not there on a plain http origin other than localhost, and on iOS outside an installed app.
  return "Notification" in window && window.isSecureContext ? Notification.permission : "unsupported";
}

/** Must be called from a click: browsers ask the person only then. */
export async function askPermission(): Promise<Permission> {
  if (permission() === "unsupported") return "unsupported";
  return Notification.requestPermission();
}

export class Notifier {
  /** `goTo` opens a deep link (`#s/<session_id>`) in this page. */
  constructor(private readonly goTo: (hash: string) => void) {
    listen(goTo);
  }

  async attention(title: string, body: string, hash: string): Promise<void> {
    if (permission() !== "granted") return;
    const options = { body, tag: hash, data: { hash }, icon: `${import.meta.env.BASE_URL}assets/icon-1.svg` };
    const registration = await worker();
    if (registration) {
      await registration.showNotification(title, options);
      return;
    }
    const notification = new Notification(title, options);
    notification.onclick = () => {
      window.focus();
      this.goTo(hash);
      notification.close();
    };
  }
}
