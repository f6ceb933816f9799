/* Brings the app to the front when a notification is tapped. Where there are no notifications of pages
   (Android), they must come from a service worker; this is all it does. */
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const hash = event.notification.data?.hash ?? "#";
  event.waitUntil(
    self.clients.matchAll({ type: "window", includeUncontrolled: true }).then((pages) => {
      const page = pages.find((candidate) => new URL(candidate.url).pathname.startsWith("/app/"));
      if (!page) return self.clients.openWindow(`/app/${hash}`);
      page.postMessage({ hash });
      return page.focus();
    }),
  );
});
