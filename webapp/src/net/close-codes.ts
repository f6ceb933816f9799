/** What a WebSocket's close code asks of this browser. */

export type AfterClose =
  | { then: "retry" }
  /** We read too slowly, or the wing is at another node now: come back at once and be repainted. */
  | { then: "retry-now" }
  /** The login session is over: only a new login helps. */
  | { then: "login" }
  /** Trying again by itself would meet the same answer: tell the person. */
  | { then: "stop"; message: string };

export function afterClose(code: number): AfterClose {
  switch (code) {
    case 4001:
      return { then: "login" };
    case 4003:
    case 4008:
      return { then: "retry-now" };
    case 4013:
      return { then: "stop", message: "Too many terminals are open on this connection. Close some and try again." };
    default:
      return { then: "retry" };
  }
}
