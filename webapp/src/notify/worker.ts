/** The app's service worker (public/service-worker.js): it shows notifications, its own and the page's. */

const SCRIPT = `${import.meta.env.BASE_URL}service-worker.js`;

let registering: Promise<ServiceWorkerRegistration | null> | null = null;

/** The worker, once it is active; null where there can be none. */
export function worker(): Promise<ServiceWorkerRegistration | null> {
  registering ??= register().catch((why: unknown) => {
    console.warn("no service worker, notifications come from the page:", why);
    registering = null;
    return null;
  });
  return registering;
}

/** The worker that an earlier visit has left here; none is made. */
export async function workerHere(): Promise<ServiceWorkerRegistration | null> {
  if (!("serviceWorker" in navigator)) return null;
  return (await navigator.serviceWorker.getRegistration(import.meta.env.BASE_URL)) ?? null;
}

/** Tells `goTo` where a tapped notification leads (`#s/<session_id>`), and the worker what is shown here. */
export function listen(goTo: (hash: string) => void): void {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.addEventListener(
    "message",
    (event: MessageEvent<{ hash?: unknown; showing?: unknown } | null>) => {
      const { hash, showing } = event.data ?? {};
      if (typeof hash === "string") goTo(hash);
      if (typeof showing === "string") event.ports[0]?.postMessage(showing === location.hash && !document.hidden);
    },
  );
}

async function register(): Promise<ServiceWorkerRegistration | null> {
  if (!("serviceWorker" in navigator)) return null;
  const registration = await navigator.serviceWorker.register(SCRIPT);
  if (!registration.active) await activated(registration.installing ?? registration.waiting);
  void forgetOld();
  return registration;
}

/** An earlier release had its worker elsewhere. */
async function forgetOld(): Promise<void> {
  for (const registration of await navigator.serviceWorker.getRegistrations()) {
    if (registration.scope.endsWith("/assets/")) await registration.unregister();
  }
}

/** A worker shows nothing before it is active. */
function activated(script: ServiceWorker | null): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!script) return reject(new Error("the service worker is gone"));
    script.addEventListener("statechange", () => {
      if (script.state === "activated") resolve();
      else if (script.state === "redundant") reject(new Error("the service worker was refused"));
    });
  });
}
