/**
 * One terminal session as seen by this tab: starts or attaches, decrypts, survives lost connections. It knows
 * nothing of xterm.js or the page; output goes to a `Screen`, what there is to show is in `phase`.
 *
 * A fresh key pair is made for every start and attach, so nothing is ever sent under the key of an earlier
 * attachment (protocol.md section 5).
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { ReconnectingSocket, type SocketState } from "../net/socket.ts";
import { asProblem } from "../passkey/problem.ts";
import { type Refusal, refusalOf } from "../passkey/refusal.ts";
import { Box, type KeyPair, newKeyPair } from "../protocol/box.ts";
import { gunzip } from "../protocol/gzip.ts";
import { MAX_INPUT_BYTES } from "../protocol/limits.ts";
import { type FromNode, parseFromNode } from "../protocol/messages.ts";
import { InputQueue } from "./input-queue.ts";
import { PasskeyStep } from "./passkey-step.ts";
import type { Phase, Screen, SessionOptions } from "./session-types.ts";
import { Timer } from "./timer.ts";
import { join } from "./writer.ts";

export type { Phase, Screen, SessionOptions } from "./session-types.ts";

/** While its wing is away an attach is tried again this often: the event that it is back may be missed. */
export const WING_POLL_MS = 5000;
/** Repeated failures to decrypt within this time end in a message instead of another attach. */
const UNREADABLE_GRACE_MS = 10_000;
const NO_WING = /wing not found|no wing connected|wing offline/i;
/** What waits for the person's decision goes on waiting, whatever the connection does. */
const FOR_THE_PERSON: readonly Phase["name"][] = ["failed", "taken", "key-changed", "exited", "passkey"];
const RESET = new Uint8Array([0x1b, 0x63]);

export class TerminalSession {
  readonly #phase = signal<Phase>({ name: "connecting" });
  readonly #agent = signal("");
  readonly #cwd = signal("");
  readonly #socket: ReconnectingSocket;
  #sessionId: string | null;
  #screen: Screen | null = null;
  #keys: KeyPair | null = null;
  #box: Box | null = null;
  readonly #typed = new InputQueue();
  #repaint = false;
  #sentSize = "";
  #endAsked = false;
  /** The key has changed by the server's word alone: the wing has not been asked. */
  #heldBack = false;
  readonly #step: PasskeyStep;
  readonly #poll: Timer;
  #lastUnreadable = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SessionOptions) {
    this.#sessionId = options.sessionId ?? null;
    this.#agent.value = options.agent;
    this.#cwd.value = options.cwd ?? "";
    this.#poll = new Timer(options.environment);
    this.#step = new PasskeyStep(options.passkeys, options.environment, {
      show: (at, problem) => this.#to({ name: "passkey", at, problem }),
      send: (message) => this.#socket.send(message),
      begin: () => this.again(),
    });
    this.#socket = new ReconnectingSocket(
      options.url,
      { onOpen: () => this.#opened(), onMessage: (text) => this.#received(text), onDown: () => this.#down() },
      options.environment,
    );
  }

  get phase(): ReadonlySignal<Phase> {
    return this.#phase;
  }
  get socketState(): ReadonlySignal<SocketState> {
    return this.#socket.state;
  }
  get agent(): ReadonlySignal<string> {
    return this.#agent;
  }
  get cwd(): ReadonlySignal<string> {
    return this.#cwd;
  }
  get sessionId(): string | null {
    return this.#sessionId;
  }
  get wingId(): string {
    return this.options.wingId;
  }
  get spectating(): boolean {
    return this.options.spectate === true;
  }

  /** Where output goes and the size comes from. The session begins once the screen is known. */
  show(screen: Screen): void {
    this.#screen = screen;
    this.#opened();
  }

  /** Keys typed or text pasted. Kept while a start or attach is under way, dropped while there is no terminal. */
  input(bytes: Uint8Array): void {
    if (this.spectating || bytes.length === 0) return;
    const phase = this.#phase.value.name;
    if (phase === "live") this.#sendInput(bytes);
    else if (phase === "connecting" || phase === "starting" || phase === "attaching") this.#typed.add(bytes);
  }

  resize(cols: number, rows: number): void {
    if (this.spectating || this.#phase.value.name !== "live") return;
    const size = `${cols}x${rows}`;
    if (size === this.#sentSize || this.#sessionId === null) return;
    this.#sentSize = size;
    this.#socket.send({ type: "pty.resize", session_id: this.#sessionId, cols, rows });
  }

  /** The person has seen the session that asked for attention. */
  acknowledge(): void {
    if (this.spectating || this.#phase.value.name !== "live" || this.#sessionId === null) return;
    this.#socket.send({ type: "pty.attention_ack", session_id: this.#sessionId });
  }

  /** Ends the program; the wing answers with `pty.exited`. False when it must be asked through the tunnel. */
  kill(): boolean {
    if (this.spectating || this.#phase.value.name !== "live" || this.#sessionId === null) return false;
    this.endAsked();
    return this.#socket.send({ type: "pty.kill", session_id: this.#sessionId });
  }

  /** The person has asked for the end of the program, here or through the tunnel. */
  endAsked(): void {
    this.#endAsked = true;
  }

  /** The person wants to answer the locked wing with their passkey. */
  usePasskey(): void {
    if (this.#phase.value.name === "passkey") this.#step.use(this.spectating);
  }

  /** Leaves the session running and ends this view of it. */
  detach(): void {
    this.#step.giveUp();
    if (this.#phase.value.name === "live" && this.#sessionId !== null && !this.spectating) {
      this.#socket.send({ type: "pty.detach", session_id: this.#sessionId });
    }
    this.close();
  }

  close(): void {
    this.#poll.stop();
    this.#step.drop();
    this.#socket.close();
  }

  /** Attach (or start) again: after "taken", a failure, a new key that was accepted, or a countdown. */
  again(): void {
    this.#to({ name: "connecting" });
    this.#socket.retryNow();
    this.#opened();
  }

  /** The dashboard said that the wing is there, and under which key. */
  wingOnline(): void {
    const phase = this.#phase.value.name;
    if (phase === "wing-offline") this.#begin();
    else if (phase === "key-changed" && this.#heldBack && this.options.announcedKey() === this.options.trustedKey()) {
      this.again();
    }
  }

  /** The connection is believed dead although no close came. */
  reset(): void {
    this.#socket.reset();
  }

  #opened(): void {
    if (!FOR_THE_PERSON.includes(this.#phase.value.name)) this.#begin();
  }

  /** A question for a passkey does not outlive the phase that is of it. */
  #to(phase: Phase): void {
    if (phase.name !== "passkey") this.#step.drop();
    this.#phase.value = phase;
  }

  #begin(): void {
    if (!this.#screen || this.#socket.state.value.name !== "open") return;
    this.#poll.stop();
    const announced = this.options.announcedKey();
    this.#heldBack = announced !== "" && announced !== this.options.trustedKey();
    if (this.#heldBack) return this.#keyChanged(announced);
    const { cols, rows } = this.#screen.size();
    this.#keys = newKeyPair();
    this.#box = null;
    this.#sentSize = this.spectating ? "" : `${cols}x${rows}`;
    const sealed_token = this.#step.sealedToken(this.#keys, this.options.trustedKey());
    const common = { wing_id: this.options.wingId, public_key: this.#keys.publicKey, cols, rows, sealed_token };
    if (this.#sessionId !== null) {
      this.#to({ name: "attaching" });
      this.#repaint = true;
      const message = { type: "pty.attach", session_id: this.#sessionId, ...common };
      this.#socket.send(this.spectating ? { ...message, spectate: true } : message);
    } else {
      this.#to({ name: "starting" });
      const cwd = this.options.cwd ? { cwd: this.options.cwd } : {};
      this.#socket.send({ type: "pty.start", agent: this.options.agent, ...common, ...cwd });
    }
  }

  #down(): void {
    this.#poll.stop();
    this.#box = null;
    const phase = this.#phase.value.name;
    const answered = this.#step.checking;
    const state = this.#socket.state.value;
    if (phase === "passkey" && !answered) this.#step.ended(null);
    const goesOn = phase === "passkey" && (answered || state.name === "stopped");
    if (FOR_THE_PERSON.includes(phase) && !goesOn) return;
    if (state.name === "stopped" && state.reason === "login") this.options.onLoginEnded();
    if (state.name === "stopped" && state.reason === "refused") {
      this.#to({ name: "failed", message: state.message });
    } else if (this.#sessionId === null && (phase === "starting" || answered)) {
      // Whether the wing got the start cannot be known: a second one must be the person's decision.
      this.#fail("The connection was lost before the terminal had started.");
    } else {
      this.#to({ name: "disconnected" });
    }
  }

  #received(text: string): void {
    const message = parseFromNode(text);
    if (!message) return;
    if (!this.#concernsUs(message)) return;
    switch (message.type) {
      case "pty.started":
        return this.#started(message);
      case "pty.output":
        return this.#output(message);
      case "pty.exited":
        return this.#exited(message);
      case "passkey.challenge":
        return this.#challenged(message);
      case "pty.detached":
        this.#box = null;
        this.#to({ name: "taken", reason: message.reason ?? "" });
        return;
      case "pty.browser_open":
        return this.options.onOpenUrl(message.url);
      case "pty.preview":
        return this.#preview(message.data);
      case "wing.offline":
        return this.#wingGone();
      case "error":
        return this.#error(message.message);
      case "bandwidth.notice":
        return this.options.onNotice(message.message);
      case "bandwidth.exceeded":
        // A terminal that is not there yet will not come; one that is there goes on, only not here.
        if (this.#phase.value.name === "starting") this.#fail(message.message);
        return this.options.onBandwidthExceeded(message.message);
      default:
        return;
    }
  }

  /** Before `pty.started` the session has no id here, and whatever comes answers the start. */
  #concernsUs(message: FromNode): boolean {
    if (!("session_id" in message) || !message.session_id) return true;
    return this.#sessionId === null ? !this.#step.isSpent(message.session_id) : message.session_id === this.#sessionId;
  }

  #started(message: Extract<FromNode, { type: "pty.started" }>): void {
    const phase = this.#phase.value.name;
    if (phase !== "starting" && phase !== "attaching" && phase !== "passkey") return;
    const isNew = this.#sessionId === null;
    this.#sessionId = message.session_id;
    if (isNew) this.options.onStarted(message.session_id);
    if (typeof message.agent === "string" && message.agent) this.#agent.value = message.agent;
    if (typeof message.cwd === "string" && message.cwd) this.#cwd.value = message.cwd;
    if (message.public_key !== this.options.trustedKey()) return this.#keyChanged(message.public_key);
    if (!this.#keys) return;
    try {
      this.#box = Box.between(this.#keys, message.public_key, "wt-pty");
    } catch {
      return this.#fail("The wing's key is not usable.");
    }
    this.#to({ name: "live" });
    this.#step.admitted(message.sealed_token);
    for (const bytes of this.#typed.take()) this.#sendInput(bytes);
    const size = this.#screen?.size();
    if (size) this.resize(size.cols, size.rows);
  }

  #output(message: Extract<FromNode, { type: "pty.output" }>): void {
    // Between an attach and its `pty.started` what arrives is still under the old key, and is repainted.
    if (!this.#box || this.#phase.value.name !== "live") return;
    let bytes: Uint8Array;
    try {
      bytes = this.#box.open(message.data);
      if (message.compressed === true) bytes = gunzip(bytes);
    } catch (why) {
      this.#unreadable(why);
      return;
    }
    const replay = message.compressed === true;
    if (this.#repaint) {
      // Our wing's replay begins with a full reset itself; that of others may not. Joined, so that the empty
      // screen is never seen.
      this.#repaint = false;
      bytes = join([RESET, bytes]);
    }
    this.#screen?.write(bytes, replay);
  }

  #unreadable(why: unknown): void {
    const now = this.options.environment.now();
    if (now - this.#lastUnreadable < UNREADABLE_GRACE_MS) {
      this.#fail(`The wing's output cannot be read: ${why instanceof Error ? why.message : String(why)}.`);
      return;
    }
    this.#lastUnreadable = now;
    this.#begin();
  }

  /** The wing asks for a passkey before it lets us in. What was typed until then is not kept for later. */
  #challenged(message: Extract<FromNode, { type: "passkey.challenge" }>): void {
    const phase = this.#phase.value.name;
    if (phase !== "starting" && phase !== "attaching") return;
    this.#typed.take();
    try {
      this.#step.asked(message);
    } catch (why) {
      this.#fail(why instanceof Error ? why.message : String(why));
    }
  }

  /** The wing does not let this person in, or no longer. The session itself goes on there. */
  #refused(refusal: Refusal): void {
    if (!["live", "starting", "attaching", "passkey"].includes(this.#phase.value.name)) return;
    this.#box = null;
    this.#typed.take();
    if (refusal.name === "passkey") this.#step.ended(refusal.problem);
    else this.#fail(this.options.passkeys.notAllowed());
  }

  #exited(message: Extract<FromNode, { type: "pty.exited" }>): void {
    const refusal = refusalOf(message.error);
    if (refusal) return this.#refused(refusal);
    if (this.#sessionId === null) return this.#fail(message.error || "The terminal could not be started.");
    this.#box = null;
    const exitCode = typeof message.exit_code === "number" ? message.exit_code : 0;
    this.#to({ name: "exited", exitCode, error: message.error || null, asked: this.#endAsked });
    this.#socket.close();
  }

  #preview(data: string): void {
    if (!this.#box) return;
    try {
      const text = new TextDecoder().decode(this.#box.open(data));
      const url = (JSON.parse(text) as { url?: unknown }).url;
      if (typeof url === "string") this.options.onOpenUrl(url);
    } catch {
      this.options.onNotice("The wing sent a preview that this app cannot show.");
    }
  }

  #error(sentence: string): void {
    const phase = this.#phase.value.name;
    if (phase === "live") this.options.onNotice(sentence);
    else if (phase === "starting" || phase === "attaching") {
      if (NO_WING.test(sentence)) this.#wingGone();
      else this.#fail(sentence);
    } else if (phase === "passkey") this.#step.ended(asProblem(sentence));
  }

  #wingGone(): void {
    if (this.#phase.value.name === "exited" || this.#phase.value.name === "taken") return;
    this.#box = null;
    if (this.#sessionId === null) return this.#fail("The wing went offline before the terminal had started.");
    this.#to({ name: "wing-offline" });
    this.#poll.start(WING_POLL_MS, () => this.wingOnline());
  }

  #fail(message: string): void {
    this.#box = null;
    this.#to({ name: "failed", message });
  }

  /** What has been typed was meant for the wing that was known: it is not kept for another. */
  #keyChanged(offered: string): void {
    this.#box = null;
    this.#typed.take();
    this.#to({ name: "key-changed", offered });
  }

  #sendInput(bytes: Uint8Array): void {
    if (!this.#box || this.#sessionId === null) return;
    for (let start = 0; start < bytes.length; start += MAX_INPUT_BYTES) {
      const data = this.#box.seal(bytes.subarray(start, start + MAX_INPUT_BYTES));
      this.#socket.send({ type: "pty.input", session_id: this.#sessionId, data });
    }
  }
}
