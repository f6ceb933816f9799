/** What a locked wing answers (protocol.md section 5), in terminals as the error of `pty.exited`. */
import { sentence } from "../state/format.ts";
import { PasskeyProblem } from "./problem.ts";

export const NOT_ALLOWED = "not_allowed";
export const PASSKEY_REQUIRED = "passkey_required";
const NOT_ACCEPTED = /^the passkey was not accepted/;

export type Refusal = { name: "not-allowed" } | { name: "passkey"; problem: PasskeyProblem | null };

/** Null when `error` is of something else. */
export function refusalOf(error: string | undefined): Refusal | null {
  if (error === NOT_ALLOWED) return { name: "not-allowed" };
  if (error === PASSKEY_REQUIRED) return { name: "passkey", problem: null };
  if (error && NOT_ACCEPTED.test(error)) {
    return { name: "passkey", problem: new PasskeyProblem("refused", sentence(error)) };
  }
  return null;
}

/** `owner`: whom to ask, empty where that is not known. */
export const notAllowed = (owner: string): string =>
  `This wing is locked and you are not on its list of allowed people: ask ${owner || "its owner"} to add you.`;
