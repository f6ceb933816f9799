/**
 * Requests to one wing through the encrypted tunnel (protocol.md sections 4 and 5). The socket is opened with
 * the first request and kept; requests made while it is down wait for it until their own time is over.
 */
import { Box, type KeyPair, secureRandom } from "../protocol/box.ts";
import { parseFromNode } from "../protocol/messages.ts";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Environment, ReconnectingSocket } from "../net/socket.ts";
import { NOT_ALLOWED, notAllowed, PASSKEY_REQUIRED } from "../passkey/refusal.ts";

/** The wing answered with `{error}`; `code` is what it said, the message a sentence. */
export class WingRefused extends Error {
  constructor(
    readonly code: string,
    readonly answer: Record<string, unknown>,
  ) {
    super(explain(code));
  }
}

/** No answer: the wing is offline, the connection broke, or the time is over. */
export class WingUnreachable extends Error {}

function explain(code: string): string {
  if (code === NOT_ALLOWED) return notAllowed("");
  if (code === PASSKEY_REQUIRED) return "This wing is locked and asks for your passkey: unlock it in the list of wings.";
  return code;
}

/** What the wing has given for a passkey: goes with every request, and is dropped when it is not taken any more. */
export interface TunnelToken {
  /** Empty when there is none. */
  current(): string;
  refused(token: string): void;
}

const NO_TOKEN: TunnelToken = { current: () => "", refused: () => undefined };

export const REQUEST_TIMEOUT_MS = 10_000;

interface Pending {
  message: object;
  resolve(answer: Record<string, unknown>): void;
  reject(why: Error): void;
  onData: ((data: string) => void) | null;
  timer: unknown;
  timeoutMs: number;
  /** What it was sent with. */
  token: string;
}

type Body = { type: string } & Record<string, unknown>;

/** A uuid (version 4). `crypto.randomUUID` does not exist on a plain http origin. */
function newRequestId(): string {
  const bytes = secureRandom(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytesToHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class TunnelClient {
  /** Whom answers are sealed for, and by whom (base64). */
  readonly ends: { browserPublic: string; wingPublic: string };
  readonly #box: Box;
  readonly #pending = new Map<string, Pending>();
  #socket: ReconnectingSocket | null = null;

  /**
   * `publicKey` is the wing's (base64). `keys` are this tab's. `onLoginEnded` is called when the node says so.
   * Throws `Error` when the wing's key is unusable.
   */
  constructor(
    readonly wingId: string,
    publicKey: string,
    private readonly keys: KeyPair,
    private readonly url: string,
    private readonly environment: Environment,
    private readonly onLoginEnded: () => void,
    private readonly token: TunnelToken = NO_TOKEN,
  ) {
    this.#box = Box.between(keys, publicKey, "wt-tunnel");
    this.ends = { browserPublic: keys.publicKey, wingPublic: publicKey };
  }

  /** The answer of the wing. Rejects with `WingRefused` or `WingUnreachable`. */
  request<T>(body: Body, timeoutMs: number = REQUEST_TIMEOUT_MS): Promise<T> {
    return this.#send(body, timeoutMs, null) as Promise<T>;
  }

  /** Calls `onData` for each chunk of a streamed answer; resolves to the last part. The time counts per chunk. */
  stream(
    body: Body,
    onData: (data: string) => void,
    timeoutMs: number = REQUEST_TIMEOUT_MS,
  ): Promise<Record<string, unknown>> {
    return this.#send(body, timeoutMs, onData);
  }

  /** Milliseconds to the wing and back. Any answer counts, also `unknown type` of a wing that knows no ping. */
  async roundTrip(timeoutMs: number): Promise<number> {
    // The first message also opens the connection, which is not to be counted.
    if (this.#socket?.state.value.name !== "open") await this.#ping(timeoutMs);
    const sent = this.environment.now();
    await this.#ping(timeoutMs);
    return this.environment.now() - sent;
  }

  async #ping(timeoutMs: number): Promise<void> {
    try {
      await this.request({ type: "ping" }, timeoutMs);
    } catch (why) {
      if (!(why instanceof WingRefused)) throw why;
    }
  }

  /** The connection is believed dead: make a new one for what comes next. */
  reset(): void {
    this.#socket?.reset();
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#failAll("The connection to this wing was closed.");
  }

  #send(body: Body, timeoutMs: number, onData: Pending["onData"]): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const id = newRequestId();
      const token = this.token.current();
      const content = token === "" ? body : { ...body, auth_token: token };
      const message = {
        type: "tunnel.req",
        wing_id: this.wingId,
        request_id: id,
        sender_pub: this.keys.publicKey,
        payload: this.#box.seal(new TextEncoder().encode(JSON.stringify(content))),
      };
      const pending: Pending = { message, resolve, reject, onData, timer: null, timeoutMs, token };
      this.#pending.set(id, pending);
      this.#startTimer(id, pending);
      if (!this.#socket || this.#socket.state.value.name === "stopped") this.#connect();
      else this.#socket.send(message);
    });
  }

  #connect(): void {
    this.#socket = new ReconnectingSocket(
      this.url,
      {
        onOpen: () => {
          for (const pending of this.#pending.values()) this.#socket?.send(pending.message);
        },
        onMessage: (text) => this.#received(text),
        onDown: () => this.#down(),
      },
      this.environment,
    );
  }

  #down(): void {
    this.#failAll("The connection was lost.");
    const state = this.#socket?.state.value;
    if (state?.name === "stopped" && state.reason === "login") this.onLoginEnded();
    // Nothing waits for this socket any more: it comes back with the next request.
    this.#socket?.close();
    this.#socket = null;
  }

  #startTimer(id: string, pending: Pending): void {
    if (pending.timer !== null) this.environment.clearTimer(pending.timer);
    pending.timer = this.environment.setTimer(() => {
      this.#settle(id)?.reject(new WingUnreachable("The wing does not answer."));
    }, pending.timeoutMs);
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending) this.environment.clearTimer(pending.timer);
    this.#pending.delete(id);
    return pending;
  }

  #failAll(sentence: string): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new WingUnreachable(sentence));
  }

  #received(text: string): void {
    const message = parseFromNode(text);
    if (!message) return;
    if (message.type === "error" || message.type === "bandwidth.exceeded") {
      // A node of others does not say which request it means: then it is all of them.
      const why = new WingUnreachable(message.message);
      if (message.request_id) this.#settle(message.request_id)?.reject(why);
      else for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(why);
    } else if (message.type === "wing.offline") {
      this.#failAll("The wing is offline.");
    } else if (message.type === "tunnel.res") {
      this.#answered(message.request_id, message.payload, true);
    } else if (message.type === "tunnel.stream") {
      this.#answered(message.request_id, message.payload, message.done === true);
    }
  }

  #answered(id: string, payload: string, last: boolean): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    let answer: Record<string, unknown>;
    try {
      answer = JSON.parse(new TextDecoder().decode(this.#box.open(payload))) as Record<string, unknown>;
    } catch {
      this.#settle(id)?.reject(new WingUnreachable("The wing's answer could not be decrypted."));
      return;
    }
    if (typeof answer.error === "string") {
      if (answer.error === PASSKEY_REQUIRED && pending.token !== "") this.token.refused(pending.token);
      this.#settle(id)?.reject(new WingRefused(answer.error, answer));
      return;
    }
    if (pending.onData && typeof answer.data === "string") pending.onData(answer.data);
    if (last) this.#settle(id)?.resolve(answer);
    else this.#startTimer(id, pending);
  }
}
