/* Shows what the server pushes to this browser, and brings the app to the front when a notification is tapped.
   Pages that have notifications shown do so through it as well: phones know no other way. It caches nothing. */

const ICON = "/app/assets/icon-1.svg";

/** How long a page may take to say what it shows; one that sleeps says nothing. */
const ANSWER_MS = 300;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data?.json() ?? {};
  } catch {
    // A browser takes away the permission of who shows nothing after a push: something is shown in any case.
  }
  const hash = hashOf(told.url);
  const tag = text(told.tag);
  event.waitUntil(
    self.registration.showNotification(text(told.title) || "A terminal wants your attention", {
      body: text(told.body),
      icon: ICON,
      data: { hash },
      // What is new about the same terminal takes the place of the old, and rings again.
      ...(tag ? { tag, renotify: true } : {}),
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(text(event.notification.data?.hash) || "#"));
});

async function open(hash) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const pages = windows.filter((page) => new URL(page.url).pathname.startsWith("/app/"));
  if (pages.length === 0) return self.clients.openWindow(`/app/${hash}`);
  const showing = await Promise.all(pages.map((page) => shows(page, hash)));
  const page = pages[Math.max(0, showing.indexOf(true))];
  page.postMessage({ hash });
  return page.focus();
}

/** Whether a page shows that terminal: its address here is the one that it was opened with. */
function shows(page, hash) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const done = (answer) => {
      clearTimeout(timer);
      port1.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done(false), ANSWER_MS);
    port1.onmessage = (event) => done(event.data === true);
    page.postMessage({ showing: hash }, [port2]);
  });
}

/** The part after `#` of an address of ours. Nothing else of it is used: a push opens no other page. */
function hashOf(url) {
  try {
    return new URL(text(url)).hash || "#";
  } catch {
    return "#";
  }
}

function text(value) {
  return typeof value === "string" ? value : "";
}
