/** What key combinations do while a terminal has the focus; everything else goes to the program. */

export type Shortcut = "copy" | "paste" | "find" | "leave" | "previous-tab" | "next-tab" | "larger" | "smaller";

export const SHORTCUTS: ReadonlyArray<readonly [string, string]> = [
  ["Ctrl Shift C", "Copy the selection"],
  ["Ctrl Shift V", "Paste"],
  ["Ctrl Shift F", "Find in the scrollback"],
  ["Ctrl Shift E", "Leave the terminal for its toolbar"],
  ["Alt Shift ← →", "Previous, next terminal"],
  ["Ctrl Shift + −", "Larger, smaller font"],
];

interface Keys {
  key: string;
  code: string;
  ctrlKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const BY_CODE = new Map<string, Shortcut>([
  ["KeyC", "copy"],
  ["KeyV", "paste"],
  ["KeyF", "find"],
  ["KeyE", "leave"],
  ["Equal", "larger"],
  ["NumpadAdd", "larger"],
  ["Minus", "smaller"],
  ["NumpadSubtract", "smaller"],
]);

export function shortcutOf(event: Keys): Shortcut | null {
  if (event.metaKey) return null;
  if (event.ctrlKey && event.shiftKey && !event.altKey) return BY_CODE.get(event.code) ?? null;
  if (event.altKey && event.shiftKey && !event.ctrlKey) {
    if (event.key === "ArrowLeft") return "previous-tab";
    if (event.key === "ArrowRight") return "next-tab";
  }
  return null;
}
