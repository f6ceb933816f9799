/** Who has an e-mail address at this server. */
import { ApiError, call } from "../net/http.ts";
import { fields, text } from "../net/shape.ts";

/** Their user id, empty when nobody here has that address (yet). */
export async function userOf(email: string): Promise<string> {
  try {
    return text(fields(await call("GET", `/api/app/resolve-email?email=${encodeURIComponent(email)}`)), "user_id");
  } catch (why) {
    if (why instanceof ApiError && why.status === 404) return "";
    throw why;
  }
}
