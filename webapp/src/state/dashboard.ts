/** The events of `/ws/app`: which wings come and go, and which terminals ask for attention. */
import type { ReadonlySignal } from "@preact/signals";
import { type Environment, ReconnectingSocket, type SocketState } from "../net/socket.ts";
import { type DashboardEvent, parseDashboardEvent } from "../protocol/messages.ts";

export interface DashboardHandlers {
  onEvent(event: DashboardEvent): void;
  /** Connected, for the first time or again: what happened meanwhile was missed. */
  onOpen(): void;
  onLoginEnded(): void;
}

export class Dashboard {
  readonly #socket: ReconnectingSocket;

  constructor(url: string, handlers: DashboardHandlers, environment: Environment) {
    this.#socket = new ReconnectingSocket(
      url,
      {
        onOpen: () => handlers.onOpen(),
        onMessage: (text) => {
          const event = parseDashboardEvent(text);
          if (event) handlers.onEvent(event);
        },
        onDown: () => {
          const state = this.#socket.state.value;
          if (state.name === "stopped" && state.reason === "login") handlers.onLoginEnded();
        },
      },
      environment,
    );
  }

  get state(): ReadonlySignal<SocketState> {
    return this.#socket.state;
  }

  retryNow(): void {
    this.#socket.retryNow();
  }
  reset(): void {
    this.#socket.reset();
  }
  close(): void {
    this.#socket.close();
  }
}
