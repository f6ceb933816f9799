/** What was typed while a terminal starts or is attached again. */
import { MAX_QUEUED_INPUT_BYTES } from "../protocol/limits.ts";

export class InputQueue {
  #waiting: Uint8Array[] = [];
  #bytes = 0;

  /** What is too much is dropped. */
  add(bytes: Uint8Array): void {
    if (this.#bytes + bytes.length > MAX_QUEUED_INPUT_BYTES) return;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Gives all of it, and is empty then. */
  take(): Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return waiting;
  }
}
