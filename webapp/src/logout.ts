/** Logging out: the login of this browser ends, and it is not told of anything any more. */
import { api } from "./net/api.ts";
import { push } from "./net/notify.ts";
import { idOf, unsubscribe } from "./notify/push.ts";

/** Rejects when the server did not end the login. */
export async function logOut(): Promise<void> {
  await endPush();
  await api.logout();
}

async function endPush(): Promise<void> {
  try {
    const ended = await unsubscribe();
    if (ended) await push.remove(await idOf(ended));
  } catch (why) {
    // The browser has ended it at least, or the server will when it sends there for the next time.
    console.info("the end of this browser's notifications was not noted:", why);
  }
}
