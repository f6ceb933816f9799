/** One timer that is either running or not. */
import type { Environment } from "../net/socket.ts";

export class Timer {
  #running: unknown = null;

  constructor(private readonly environment: Environment) {}

  get running(): boolean {
    return this.#running !== null;
  }

  /** Starts it anew when it runs already. */
  start(ms: number, run: () => void): void {
    this.stop();
    this.#running = this.environment.setTimer(() => {
      this.#running = null;
      run();
    }, ms);
  }

  stop(): void {
    if (this.#running !== null) this.environment.clearTimer(this.#running);
    this.#running = null;
  }
}
