/** Where a playback stands and what is to be drawn next. Holds no timer: `advance` is called each frame. */
import type { CastEvent } from "./cast.ts";

export interface Canvas {
  /** Back to an empty screen of the recording's first size. */
  reset(): void;
  draw(event: CastEvent): void;
}

export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const;

export class Playback {
  #events: readonly CastEvent[];
  #next = 0;
  #position = 0;
  #lastFrameMs: number | null = null;
  speed = 1;
  playing = false;

  constructor(
    events: readonly CastEvent[],
    private readonly canvas: Canvas,
  ) {
    this.#events = events;
  }

  /** Seconds. */
  get position(): number {
    return this.#position;
  }
  get duration(): number {
    return this.#events.at(-1)?.time ?? 0;
  }
  get ended(): boolean {
    return this.#next >= this.#events.length && this.#position >= this.duration;
  }

  /** Plays from here, or from the beginning when the end was reached. */
  play(): void {
    if (this.ended) this.seek(0);
    this.#lastFrameMs = null;
    this.playing = true;
  }

  pause(): void {
    this.playing = false;
  }

  /** One frame, at `nowMs` of any steady clock. */
  advance(nowMs: number): void {
    if (!this.playing) return;
    const elapsed = this.#lastFrameMs === null ? 0 : nowMs - this.#lastFrameMs;
    this.#lastFrameMs = nowMs;
    this.#drawUntil(Math.min(this.duration, this.#position + (elapsed / 1000) * this.speed));
    if (this.ended) this.playing = false;
  }

  seek(seconds: number): void {
    const target = Math.min(this.duration, Math.max(0, seconds));
    if (target < this.#position) {
      this.canvas.reset();
      this.#next = 0;
    }
    this.#drawUntil(target);
  }

  /** Exchanges the timeline for one of the same events at other times, staying at the same event. */
  retime(events: readonly CastEvent[]): void {
    this.#events = events;
    this.#position = events[this.#next - 1]?.time ?? 0;
  }

  #drawUntil(seconds: number): void {
    this.#position = seconds;
    for (;;) {
      const event = this.#events[this.#next];
      if (!event || event.time > seconds) return;
      this.#next += 1;
      this.canvas.draw(event);
    }
  }
}
