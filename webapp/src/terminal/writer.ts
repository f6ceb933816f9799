/**
 * Writes output to the terminal at most once per animation frame: many small writes cost more than one large
 * one, and nobody sees what lies between two frames. The first output after a quiet frame is written at once,
 * because waiting for the next frame would show every echoed key one frame late.
 */

export type Schedule = (run: () => void) => void;

export class FrameWriter {
  #chunks: Uint8Array[] = [];
  #replaying = false;
  #scheduled = false;

  /**
   * `write` takes the joined bytes and whether a replay is among them; `schedule` runs its argument at the
   * next frame.
   */
  constructor(
    private readonly write: (bytes: Uint8Array, replay: boolean) => void,
    private readonly schedule: Schedule,
  ) {}

  push(bytes: Uint8Array, replay: boolean): void {
    this.#chunks.push(bytes);
    this.#replaying ||= replay;
    if (!this.#scheduled) this.#writeAndWait();
  }

  /** Writes what waits, now. */
  flush(): void {
    if (this.#chunks.length === 0) return;
    const chunks = this.#chunks;
    const replay = this.#replaying;
    this.#chunks = [];
    this.#replaying = false;
    this.write(join(chunks), replay);
  }

  #writeAndWait(): void {
    this.flush();
    this.#scheduled = true;
    this.schedule(() => {
      this.#scheduled = false;
      if (this.#chunks.length > 0) this.#writeAndWait();
    });
  }
}

export function join(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const whole = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** The next frame, or soon when the page is hidden and has no frames (output must not pile up there). */
export const nextFrame: Schedule = (run) => {
  if (document.hidden) setTimeout(run, 100);
  else requestAnimationFrame(run);
};
