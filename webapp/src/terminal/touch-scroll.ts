/** Scrolls a terminal with a finger: xterm.js 6 knows the wheel alone. */

interface Point {
  clientX: number;
  clientY: number;
}

export class TouchScroll {
  #last: Point | null = null;
  #rest = 0;

  /** `scroll(lines, at)`: towards the end of the buffer when `lines` is positive. */
  constructor(
    private readonly lineHeight: () => number,
    private readonly scroll: (lines: number, at: Point) => void,
  ) {}

  /** Fingers are put down. Two of them zoom, and scroll nothing. */
  start(fingers: ArrayLike<Point>): void {
    this.#last = fingers.length === 1 ? (fingers[0] ?? null) : null;
    this.#rest = 0;
  }

  move(fingers: ArrayLike<Point>): void {
    const finger = fingers[0];
    if (!this.#last || !finger || fingers.length !== 1) return;
    this.#rest += this.#last.clientY - finger.clientY;
    this.#last = finger;
    const height = this.lineHeight();
    const lines = height > 0 ? Math.trunc(this.#rest / height) : 0;
    if (lines === 0) return;
    this.#rest -= lines * height;
    this.scroll(lines, finger);
  }
}
