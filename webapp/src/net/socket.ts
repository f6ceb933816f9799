/**
 * A WebSocket that comes back: backoff with jitter, a visible countdown, "retry now". It carries text only;
 * what the text means is its owner's business.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import { backoffMs } from "./backoff.ts";
import { afterClose } from "./close-codes.ts";

export type SocketState =
  | { name: "connecting" }
  | { name: "open" }
  /** `until`: when the next attempt is made, in milliseconds of `now()`. */
  | { name: "waiting"; until: number }
  | { name: "stopped"; reason: "closed" | "login" | "refused"; message: string };

/** The part of `WebSocket` that is used, so that tests can stand in for it. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export interface Environment {
  open(url: string): WebSocketLike;
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  random(): number;
}

export interface SocketHandlers {
  onOpen(): void;
  onMessage(text: string): void;
  /** The connection is gone; another attempt follows unless `state` says "stopped". */
  onDown(): void;
}

/** A connection that lasted this long starts the backoff anew when it ends. */
const STABLE_MS = 5000;
const OPEN = 1;

export class ReconnectingSocket {
  readonly #state = signal<SocketState>({ name: "connecting" });
  #socket: WebSocketLike | null = null;
  #timer: unknown = null;
  #attempt = 0;
  #openedAt = 0;

  constructor(
    private readonly url: string,
    private readonly handlers: SocketHandlers,
    private readonly environment: Environment,
  ) {
    this.#connect();
  }

  get state(): ReadonlySignal<SocketState> {
    return this.#state;
  }

  /** Sends `message` as JSON; false when the connection is not open (nothing is queued here). */
  send(message: object): boolean {
    if (this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Connect at once instead of at the end of the countdown, or after a stop. */
  retryNow(): void {
    const state = this.#state.value;
    if (state.name !== "waiting" && state.name !== "stopped") return;
    this.#cancelTimer();
    this.#connect();
  }

  /** The connection is believed dead although no close came (sleep, another network): make a new one. */
  reset(): void {
    if (this.#state.value.name !== "open" && this.#state.value.name !== "connecting") return;
    this.#abandon();
    this.handlers.onDown();
    this.#connect();
  }

  close(): void {
    this.#cancelTimer();
    this.#abandon();
    this.#state.value = { name: "stopped", reason: "closed", message: "" };
  }

  #abandon(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #cancelTimer(): void {
    if (this.#timer !== null) this.environment.clearTimer(this.#timer);
    this.#timer = null;
  }

  #connect(): void {
    this.#state.value = { name: "connecting" };
    const socket = this.environment.open(this.url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#openedAt = this.environment.now();
      this.#state.value = { name: "open" };
      this.handlers.onOpen();
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.handlers.onMessage(event.data);
    };
    socket.onclose = (event) => this.#closed(event.code);
  }

  #closed(code: number): void {
    const opened = this.#state.value.name === "open";
    this.#socket = null;
    if (opened && this.environment.now() - this.#openedAt >= STABLE_MS) this.#attempt = 0;
    const after = afterClose(code);
    if (after.then === "login") {
      this.#state.value = { name: "stopped", reason: "login", message: "Your login has ended." };
    } else if (after.then === "stop") {
      this.#state.value = { name: "stopped", reason: "refused", message: after.message };
    } else {
      const delay =
        after.then === "retry-now" && this.#attempt === 0 ? 0 : backoffMs(this.#attempt, this.environment.random);
      this.#attempt += 1;
      this.#state.value = { name: "waiting", until: this.environment.now() + delay };
      this.#timer = this.environment.setTimer(() => {
        this.#timer = null;
        this.#connect();
      }, delay);
    }
    this.handlers.onDown();
  }
}
