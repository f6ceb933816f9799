/**
 * Browser notifications for a terminal that asks for attention while it is not being looked at. Shown through
 * a service worker where there is one (phones know no other way), otherwise by the page itself.
 */

const WORKER = `${import.meta.env.BASE_URL}assets/notify-1.js`;

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
  #worker: Promise<ServiceWorkerRegistration | null> | null = null;

  /** `goTo` opens a deep link (`#s/<session_id>`) in this page. */
  constructor(private readonly goTo: (hash: string) => void) {}

  async attention(title: string, body: string, hash: string): Promise<void> {
    if (permission() !== "granted") return;
    const options = { body, tag: hash, data: { hash }, icon: `${import.meta.env.BASE_URL}assets/icon-1.svg` };
    const worker = await this.#registration();
    if (worker) {
      await worker.showNotification(title, options);
      return;
    }
    const notification = new Notification(title, options);
    notification.onclick = () => {
      window.focus();
      this.goTo(hash);
      notification.close();
    };
  }

  #registration(): Promise<ServiceWorkerRegistration | null> {
    this.#worker ??= this.#register();
    return this.#worker;
  }

  async #register(): Promise<ServiceWorkerRegistration | null> {
    if (!("serviceWorker" in navigator)) return null;
    navigator.serviceWorker.addEventListener("message", (event: MessageEvent<{ hash?: unknown }>) => {
      if (typeof event.data?.hash === "string") this.goTo(event.data.hash);
    });
    try {
      const registration = await navigator.serviceWorker.register(WORKER);
      if (!registration.active) await activated(registration.installing ?? registration.waiting);
      return registration;
    } catch (why) {
      console.warn("no service worker, notifications come from the page:", why);
      return null;
    }
  }
}

/** A worker shows nothing before it is active. */
function activated(worker: ServiceWorker | null): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!worker) return reject(new Error("the service worker is gone"));
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve();
      else if (worker.state === "redundant") reject(new Error("the service worker was refused"));
    });
  });
}
