/** What the key bar's keys send, as xterm does (ctlseqs, "PC-Style Function Keys"). */

export type BarKey = "esc" | "tab" | "up" | "down" | "left" | "right" | "home" | "end" | "pgup" | "pgdn";

const FIXED: Partial<Record<BarKey, string>> = {
  esc: "\x1b",
  tab: "\t",
  pgup: "\x1b[5~",
  pgdn: "\x1b[6~",
};

const FINAL: Partial<Record<BarKey, string>> = {
  up: "A",
  down: "B",
  right: "C",
  left: "D",
  home: "H",
  end: "F",
};

const PAGE: Partial<Record<BarKey, string>> = { pgup: "5", pgdn: "6" };

/** `applicationCursor`: the program asked for application cursor keys (DECCKM). `ctrl`: Ctrl is held. */
export function barKeySequence(key: BarKey, applicationCursor: boolean, ctrl: boolean): string {
  const final = FINAL[key];
  if (final !== undefined) {
    if (ctrl) return `\x1b[1;5${final}`;
    return applicationCursor ? `\x1bO${final}` : `\x1b[${final}`;
  }
  const page = PAGE[key];
  if (page !== undefined && ctrl) return `\x1b[${page};5~`;
  return FIXED[key] ?? "";
}

/** `text` as typed with Ctrl held: the control character of its first letter, the rest unchanged. */
export function withCtrl(text: string): string {
  const first = text[0];
  if (first === undefined) return text;
  const upper = first.toUpperCase();
  const code = upper.charCodeAt(0);
  let control: string | null = null;
  if (code >= 0x40 && code <= 0x5f) control = String.fromCharCode(code & 0x1f);
  else if (first === " " || first === "2") control = "\x00";
  else if (first === "?" || first === "8") control = "\x7f";
  else if (first === "/" || first === "7") control = "\x1f";
  else if (code >= 0x33 && code <= 0x37) control = String.fromCharCode(code - 0x18);
  return control === null ? text : control + text.slice(1);
}

/** `text` as typed with Alt held. */
export const withAlt = (text: string): string => `\x1b${text}`;
