/**
 * Web Push in this browser: the subscription that the server sends to while no page is open. What is done with
 * it is net/notify.ts's: `push.add(subscription.toJSON())` after `subscribe`, `push.remove(await idOf(...))`.
 */
import { decodeBase64Url } from "../protocol/base64.ts";
import { askPermission } from "./notifications.ts";
import { worker, workerHere } from "./worker.ts";

/** Whether this browser can do it on this page. On iOS only an installed app can. */
export function supported(): boolean {
  return window.isSecureContext && "serviceWorker" in navigator && "PushManager" in window;
}

/** This browser's subscription, if there is one. */
export async function current(): Promise<PushSubscription | null> {
  if (!supported()) return null;
  return (await (await workerHere())?.pushManager.getSubscription()) ?? null;
}

/**
 * Subscribe with the server's key (`key` of GET /api/app/push). Must be called from a click: browsers ask the
 * person only then. Throws an Error with a sentence for the person when it cannot be.
 */
export async function subscribe(vapidKey: string): Promise<PushSubscription> {
  if (!supported()) throw new Error("This browser offers no notifications on this page.");
  if ((await askPermission()) !== "granted") {
    throw new Error("Notifications are blocked for this page: allow them in the browser's settings.");
  }
  const registration = await worker();
  if (!registration) throw new Error("This browser does not run the app's service worker.");
  const key = new Uint8Array(decodeBase64Url(vapidKey));
  const known = await registration.pushManager.getSubscription();
  if (known && sameKey(known, key)) return known;
  // One for another key: the server was set up anew, and can send nothing to it.
  await known?.unsubscribe();
  try {
    return await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch (why) {
    console.warn("no subscription:", why);
    throw new Error("The browser's push service cannot be reached. Try again later.");
  }
}

/** End it. Answers the subscription that there was, so that the server can be told. */
export async function unsubscribe(): Promise<PushSubscription | null> {
  const known = await current();
  await known?.unsubscribe();
  return known;
}

/** The id that the server gives a subscription in its list: the beginning of its endpoint's SHA-256. */
export async function idOf(subscription: { endpoint: string }): Promise<string> {
  const bytes = new TextEncoder().encode(subscription.endpoint);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sameKey(subscription: PushSubscription, key: Uint8Array): boolean {
  const had = subscription.options.applicationServerKey;
  if (!had) return false;
  const bytes = new Uint8Array(had);
  return bytes.length === key.length && bytes.every((byte, at) => byte === key[at]);
}
