/** The keys that a phone's keyboard does not have. Never takes the focus, so the keyboard stays up. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type BarKey, barKeySequence, withAlt, withCtrl } from "../terminal/keys.ts";
import type { TerminalView } from "../terminal/view.ts";

interface KeyBarProps {
  view: TerminalView;
  onCopy(): void;
  onPaste(): void;
}

interface Key {
  key: BarKey;
  face: string;
  label: string;
  repeats?: boolean;
}

const BEFORE: Key[] = [
  { key: "esc", face: "Esc", label: "Escape" },
  { key: "tab", face: "Tab", label: "Tab" },
];
const AFTER: Key[] = [
  { key: "left", face: "←", label: "Left", repeats: true },
  { key: "down", face: "↓", label: "Down", repeats: true },
  { key: "up", face: "↑", label: "Up", repeats: true },
  { key: "right", face: "→", label: "Right", repeats: true },
];
const FURTHER: Key[] = [
  { key: "home", face: "Home", label: "Home" },
  { key: "end", face: "End", label: "End" },
  { key: "pgup", face: "PgUp", label: "Page up", repeats: true },
  { key: "pgdn", face: "PgDn", label: "Page down", repeats: true },
];
const SIGNS = ["|", "~", "/", "-", "_", "`"];
const REPEAT_AFTER_MS = 400;
const REPEAT_EVERY_MS = 70;

export function KeyBar({ view, onCopy, onPaste }: KeyBarProps) {
  const ctrl = useSignal(false);
  const alt = useSignal(false);

  // Sticky: the next character typed on the phone's keyboard has them held.
  useEffect(() => {
    view.transform = (text) => ([...text].length === 1 ? hold(text, withCtrl) : text);
    return () => {
      view.transform = (text) => text;
    };
  }, [view]);

  const hold = (text: string, control: (text: string) => string): string => {
    const held = ctrl.value ? control(text) : text;
    const sent = alt.value ? withAlt(held) : held;
    ctrl.value = false;
    alt.value = false;
    return sent;
  };

  const press = (key: BarKey) => {
    const applicationCursor = view.terminal.modes.applicationCursorKeysMode;
    const plain = barKeySequence(key, applicationCursor, false);
    view.type(hold(plain, () => barKeySequence(key, applicationCursor, true)));
  };

  return (
    <div class="key-bar" role="toolbar" aria-label="Keys" data-testid="keybar">
      {BEFORE.map((one) => (
        <KeyButton key={one.key} one={one} press={press} />
      ))}
      <Sticky name="Ctrl" testId="key-ctrl" on={ctrl} />
      <Sticky name="Alt" testId="key-alt" on={alt} />
      {AFTER.map((one) => (
        <KeyButton key={one.key} one={one} press={press} />
      ))}
      {SIGNS.map((sign) => (
        <button
          key={sign}
          type="button"
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => view.type(sign)}
        >
          {sign}
        </button>
      ))}
      {FURTHER.map((one) => (
        <KeyButton key={one.key} one={one} press={press} />
      ))}
      <button
        type="button"
        data-testid="key-paste"
        onPointerDown={(event) => event.preventDefault()}
        onClick={onPaste}
      >
        Paste
      </button>
      <button type="button" data-testid="key-copy" onPointerDown={(event) => event.preventDefault()} onClick={onCopy}>
        Copy
      </button>
    </div>
  );
}

function Sticky({ name, testId, on }: { name: string; testId: string; on: Signal<boolean> }) {
  return (
    <button
      type="button"
      aria-pressed={on.value}
      data-testid={testId}
      onPointerDown={(event) => event.preventDefault()}
      onClick={() => {
        on.value = !on.value;
      }}
    >
      {name}
    </button>
  );
}

function KeyButton({ one, press }: { one: Key; press(key: BarKey): void }) {
  const timer = useRef<number | undefined>(undefined);
  const latest = useRef(press);
  latest.current = press;
  const release = () => window.clearTimeout(timer.current);
  useEffect(() => release, []);
  const hold = (event: PointerEvent) => {
    event.preventDefault();
    if (!one.repeats) return;
    const repeat = () => {
      latest.current(one.key);
      timer.current = window.setTimeout(repeat, REPEAT_EVERY_MS);
    };
    timer.current = window.setTimeout(repeat, REPEAT_AFTER_MS);
  };
  return (
    <button
      type="button"
      aria-label={one.label}
      data-testid={`key-${one.key}`}
      onPointerDown={hold}
      onPointerUp={release}
      onPointerLeave={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onClick={() => press(one.key)}
    >
      {one.face}
    </button>
  );
}
