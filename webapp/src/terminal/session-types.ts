/** What a terminal session is in, shows on, and needs to know. */
import type { Environment } from "../net/socket.ts";
import type { PasskeyProblem } from "../passkey/problem.ts";
import type { Assertion } from "../protocol/messages.ts";

export type StepState =
  /** For the person, who has a button. */
  | "waiting"
  /** For the browser's own dialog. */
  | "prompt"
  /** For the wing's verdict. */
  | "checking";

export type Phase =
  | { name: "connecting" }
  | { name: "starting" }
  | { name: "attaching" }
  | { name: "live" }
  /** The connection is down; see `socketState` for the countdown. */
  | { name: "disconnected" }
  | { name: "wing-offline" }
  /** Another browser or tab controls the session now. */
  | { name: "taken"; reason: string }
  /** The wing is locked and wants a passkey. `problem`: what became of the last try. */
  | { name: "passkey"; at: StepState; problem: PasskeyProblem | null }
  /** The wing presented another key than the one known. */
  | { name: "key-changed"; offered: string }
  /** `asked`: the person here has ended it. */
  | { name: "exited"; exitCode: number; error: string | null; asked: boolean }
  | { name: "failed"; message: string };

export interface Screen {
  /** `replay`: a repaint after an attach, not live output. */
  write(output: Uint8Array, replay: boolean): void;
  size(): { cols: number; rows: number };
}

/** What a session needs for the passkey of a locked wing. */
export interface SessionPasskeys {
  /** What the wing gave for a passkey before; empty when there is nothing. */
  token(): string;
  keep(token: string): void;
  /** The wing does not take this token any more. */
  refused(token: string): void;
  /** Whether the person has just pressed something: browsers want that before they show a prompt. */
  gesture(): boolean;
  prepare(): void;
  /** Rejects with `PasskeyProblem`. */
  sign(challenge: Uint8Array, keys: readonly string[] | null, signal: AbortSignal): Promise<Assertion>;
  /** Gets a token through the tunnel. Rejects when it cannot. */
  unlock(signal: AbortSignal): Promise<void>;
  /** Why the wing lets this person not in, and whom to ask. */
  notAllowed(): string;
}

export interface SessionOptions {
  wingId: string;
  url: string;
  environment: Environment;
  /** The wing's public key (base64) as known and trusted now. */
  trustedKey(): string;
  /** The key under which the server announces the wing now; empty when it has not said. */
  announcedKey(): string;
  /** Present: attach to this session. Absent: start a new one. */
  sessionId?: string;
  agent: string;
  cwd?: string;
  spectate?: boolean;
  passkeys: SessionPasskeys;
  onStarted(sessionId: string): void;
  onNotice(sentence: string): void;
  /** The month's limit is reached: stays true until it ends. */
  onBandwidthExceeded(sentence: string): void;
  onOpenUrl(url: string): void;
  onLoginEnded(): void;
}
