/**
 * The xterm.js terminal in the page: fonts, rendering, fitting, search, links, copy and paste. Used live (a
 * `TerminalSession` behind it) and by the player (nothing behind it).
 *
 * xterm 6 with the WebGL renderer where there is WebGL 2 and its own DOM renderer otherwise: the canvas
 * renderer ended with xterm 5.
 */
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { Terminal } from "@xterm/xterm";
import { MAX_COLS, MAX_ROWS } from "../protocol/limits.ts";
import { fixedFontSize } from "./fixed-size.ts";
import { isTerminalReply } from "./replies.ts";
import type { TerminalTheme } from "./themes.ts";
import { TouchScroll } from "./touch-scroll.ts";
import { FrameWriter, nextFrame } from "./writer.ts";

export const FONT_FAMILY = '"JetBrains Mono Variable", ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace';
const SCROLLBACK_LINES = 10_000;
const SMALLEST = { cols: 2, rows: 1 };

export interface ViewOptions {
  fontSize: number;
  theme: TerminalTheme;
  readOnly: boolean;
  screenReader: boolean;
  blink: boolean;
}

export interface SearchResult {
  index: number;
  count: number;
}

export class TerminalView {
  readonly terminal: Terminal;
  onInput: (bytes: Uint8Array) => void = () => undefined;
  onSize: (cols: number, rows: number) => void = () => undefined;
  onTitle: (title: string) => void = () => undefined;
  onSearch: (result: SearchResult) => void = () => undefined;
  /** Text typed passes here first: the key bar's sticky Ctrl and Alt. */
  transform: (text: string) => string = (text) => text;
  readonly #fit = new FitAddon();
  readonly #search = new SearchAddon();
  readonly #writer: FrameWriter;
  readonly #encoder = new TextEncoder();
  #fixed: { cols: number; rows: number } | null = null;
  #fontSize: number;
  #theme: TerminalTheme;
  #sought = "";
  #whole = false;
  #replays = 0;
  #webgl: WebglAddon | null = null;

  constructor(options: ViewOptions) {
    this.#fontSize = options.fontSize;
    this.#theme = options.theme;
    this.terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: options.blink && !options.readOnly,
      disableStdin: options.readOnly,
      fontFamily: FONT_FAMILY,
      fontSize: options.fontSize,
      fontWeight: 400,
      fontWeightBold: 700,
      lineHeight: 1.15,
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
      rightClickSelectsWord: false,
      screenReaderMode: options.screenReader,
      scrollback: SCROLLBACK_LINES,
      theme: options.theme.colours,
    });
    const unicode = new Unicode11Addon();
    this.terminal.loadAddon(this.#fit);
    this.terminal.loadAddon(this.#search);
    this.terminal.loadAddon(unicode);
    this.terminal.unicode.activeVersion = "11";
    this.terminal.loadAddon(
      new WebLinksAddon((_event, url) => {
        window.open(url, "_blank", "noopener,noreferrer");
      }),
    );
    this.#writer = new FrameWriter((bytes, replay) => this.#write(bytes, replay), nextFrame);
    this.terminal.onData((data) => this.#typed(data));
    this.terminal.onBinary((data) => this.onInput(Uint8Array.from(data, (c) => c.charCodeAt(0))));
    this.terminal.onTitleChange((title) => this.onTitle(title));
    this.terminal.onResize(({ cols, rows }) => this.onSize(cols, rows));
    this.#search.onDidChangeResults((result) =>
      this.onSearch({ index: result.resultIndex, count: result.resultCount }),
    );
  }

  /** Puts the terminal into `parent` once its font is there (its cells are measured only once). */
  async open(parent: HTMLElement): Promise<void> {
    await loadFont(this.#fontSize);
    if (!parent.isConnected) return;
    this.#useWebgl();
    this.terminal.open(parent);
    const finger = new TouchScroll(
      () => (this.#screen()?.offsetHeight ?? 0) / this.terminal.rows,
      (lines, at) => this.#scrolled(lines, at),
    );
    parent.addEventListener("touchstart", (event) => finger.start(event.touches), { passive: true });
    parent.addEventListener("touchmove", (event) => finger.move(event.touches), { passive: true });
    this.fit();
  }

  /** A finger's way. What does not fit into the window is moved about first, then the scrollback. */
  #scrolled(lines: number, at: { clientX: number; clientY: number }): void {
    const screen = this.#screen();
    const host = this.terminal.element?.parentElement;
    if (!screen || !host) return;
    const height = screen.offsetHeight / this.terminal.rows;
    if (this.#fixed) {
      const before = host.scrollTop;
      host.scrollTop += lines * height;
      if (host.scrollTop !== before) return;
    }
    if (this.terminal.buffer.active.type === "normal" && this.terminal.modes.mouseTrackingMode === "none") {
      this.terminal.scrollLines(lines);
      return;
    }
    // A program with the whole screen gets what a wheel would send: arrows, or reports of the mouse.
    const { clientX, clientY } = at;
    const wheel = { deltaY: lines * height, clientX, clientY, bubbles: true, cancelable: true };
    screen.dispatchEvent(new WheelEvent("wheel", wheel));
  }

  #screen(): HTMLElement | null {
    return this.terminal.element?.querySelector<HTMLElement>(".xterm-screen") ?? null;
  }

  /** Called when the terminal comes to the front: its graphics context may have been given to others. */
  activate(): void {
    if (!this.#webgl && this.terminal.element) this.#useWebgl();
    this.fit();
    this.terminal.refresh(0, this.terminal.rows - 1);
  }

  write(bytes: Uint8Array, replay: boolean): void {
    this.#writer.push(bytes, replay);
  }

  size(): { cols: number; rows: number } {
    return { cols: this.terminal.cols, rows: this.terminal.rows };
  }

  /** Fills the parent, or, with a fixed size, shrinks the font as far as it can be read (see `showWhole`). */
  fit(): void {
    const parent = this.terminal.element?.parentElement;
    if (!parent || parent.clientWidth === 0 || parent.clientHeight === 0) return;
    parent.classList.toggle("fixed-size", this.#fixed !== null);
    if (this.#fixed) {
      this.#fitFixed(parent, this.#fixed);
      return;
    }
    const proposed = this.#fit.proposeDimensions();
    if (!proposed || Number.isNaN(proposed.cols) || Number.isNaN(proposed.rows)) return;
    const cols = Math.min(MAX_COLS, Math.max(SMALLEST.cols, proposed.cols));
    const rows = Math.min(MAX_ROWS, Math.max(SMALLEST.rows, proposed.rows));
    if (cols !== this.terminal.cols || rows !== this.terminal.rows) this.terminal.resize(cols, rows);
  }

  /** A spectator and a recording have the size of the program's terminal, not of this window. */
  setFixedSize(cols: number, rows: number): void {
    if (this.#fixed?.cols === cols && this.#fixed.rows === rows) return;
    this.#fixed = { cols, rows };
    this.terminal.resize(cols, rows);
    this.fit();
  }

  /** Whether all of a fixed size is in the window, however small, and not only as small as can be read. */
  get whole(): boolean {
    return this.#whole;
  }
  showWhole(whole: boolean): void {
    this.#whole = whole;
    this.fit();
  }

  /** The same, once everything written before has been parsed. */
  setFixedSizeInOrder(cols: number, rows: number): void {
    this.#writer.flush();
    this.terminal.write("", () => this.setFixedSize(cols, rows));
  }

  setFontSize(pixels: number): void {
    this.#fontSize = pixels;
    this.terminal.options.fontSize = pixels;
    this.fit();
  }

  setTheme(theme: TerminalTheme): void {
    this.#theme = theme;
    this.#colour();
    if (this.#sought) this.find(this.#sought, "previous", true);
  }

  find(text: string, direction: "next" | "previous", incremental: boolean): void {
    const begins = !this.#sought;
    this.#sought = text;
    if (begins) this.#colour();
    const { match, current } = this.#theme.found;
    const options = {
      incremental,
      decorations: {
        matchBackground: match,
        activeMatchBackground: current,
        matchOverviewRuler: match,
        activeMatchColorOverviewRuler: current,
      },
    };
    if (direction === "next") this.#search.findNext(text, options);
    else this.#search.findPrevious(text, options);
  }

  endFind(): void {
    this.#sought = "";
    this.#search.clearDecorations();
    this.terminal.clearSelection();
    this.#colour();
  }

  /** The search addon selects the current match, and the selection lies over its decoration. */
  #colour(): void {
    const { colours, found } = this.#theme;
    const current = { selectionBackground: found.current, selectionInactiveBackground: found.current };
    this.terminal.options.theme = this.#sought ? { ...colours, ...current } : colours;
  }

  /** Text as if typed: from the key bar or the clipboard button. */
  type(text: string): void {
    this.terminal.input(text, true);
  }

  paste(text: string): void {
    this.terminal.paste(text);
  }

  /** The lines on the screen (not the scrollback) as text, without trailing blanks. */
  screenText(): string {
    const buffer = this.terminal.buffer.active;
    const lines: string[] = [];
    for (let row = 0; row < this.terminal.rows; row++) {
      lines.push(buffer.getLine(buffer.baseY + row)?.translateToString(true) ?? "");
    }
    return lines.join("\n");
  }

  /** The last lines of scrollback and screen as text; lines that the terminal had wrapped are joined again. */
  recentText(most: number): string {
    const buffer = this.terminal.buffer.active;
    const end = buffer.baseY + this.terminal.rows;
    const lines: string[] = [];
    for (let row = Math.max(0, end - most); row < end; row++) {
      const line = buffer.getLine(row);
      if (!line) continue;
      const text = line.translateToString(!buffer.getLine(row + 1)?.isWrapped);
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines.join("\n").trimEnd();
  }

  dispose(): void {
    this.terminal.dispose();
  }

  #fitFixed(parent: HTMLElement, size: { cols: number; rows: number }): void {
    const screen = this.#screen();
    const current = this.terminal.options.fontSize ?? this.#fontSize;
    if (!screen || screen.offsetWidth === 0) return;
    const perPixel = {
      width: screen.offsetWidth / this.terminal.cols / current,
      height: screen.offsetHeight / this.terminal.rows / current,
    };
    const fitting = Math.min(
      (parent.clientWidth - 16) / (size.cols * perPixel.width),
      (parent.clientHeight - 4) / (size.rows * perPixel.height),
    );
    this.terminal.options.fontSize = fixedFontSize(fitting, this.#fontSize, this.#whole);
  }

  #useWebgl(): void {
    const addon = new WebglAddon();
    try {
      // Without a context of WebGL 2 this throws (now or in `open`), and xterm's own renderer stays.
      if (!document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true })) return;
      addon.onContextLoss(() => {
        this.#webgl = null;
        addon.dispose();
      });
      this.terminal.loadAddon(addon);
      this.#webgl = addon;
    } catch (why) {
      console.warn("WebGL is not available, using the DOM renderer:", why);
    }
  }

  #typed(data: string): void {
    if (this.#replays > 0 && isTerminalReply(data)) return;
    this.onInput(this.#encoder.encode(this.transform(data)));
  }

  #write(bytes: Uint8Array, replay: boolean): void {
    if (replay) this.#replays += 1;
    this.terminal.write(bytes, () => {
      if (replay) this.#replays -= 1;
    });
  }
}

async function loadFont(pixels: number): Promise<void> {
  try {
    await Promise.all([
      document.fonts.load(`${pixels}px "JetBrains Mono Variable"`),
      document.fonts.load(`bold ${pixels}px "JetBrains Mono Variable"`),
    ]);
  } catch (why) {
    console.warn("the terminal's font could not be loaded:", why);
  }
}
