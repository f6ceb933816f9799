/** What a terminal session is in, shows on, and needs to know. */
import type { Environment } from "../net/socket.ts";

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
  onStarted(sessionId: string): void;
  onNotice(sentence: string): void;
  onOpenUrl(url: string): void;
  onLoginEnded(): void;
}
