/** Why no passkey was used, as a sentence; `kind` tells the page what to offer. */

export type ProblemKind =
  /** No passkey is registered at this server: the page where that is done helps. */
  | "none"
  /** There are passkeys, but none that counts on this wing. */
  | "uncounted"
  /** The person gave up, or took too long. */
  | "cancelled"
  /** Not in this browser, or not under this address. */
  | "unavailable"
  /** The wing took it and said no. */
  | "refused"
  /** The wing does not ask, or does not answer, any more. */
  | "late";

export class PasskeyProblem extends Error {
  constructor(
    readonly kind: ProblemKind,
    sentence: string,
  ) {
    super(sentence);
  }
}

export function asProblem(why: unknown): PasskeyProblem {
  if (why instanceof PasskeyProblem) return why;
  return new PasskeyProblem("late", why instanceof Error ? why.message : String(why));
}
