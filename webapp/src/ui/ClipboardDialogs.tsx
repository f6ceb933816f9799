/** Copying and pasting where the terminal's own ways do not reach: on phones, and on plain http origins. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { TerminalView } from "../terminal/view.ts";
import { useApp } from "./context.ts";
import { Dialog } from "./Dialog.tsx";
import { copyText } from "./hooks.ts";

const MOST_LINES = 2000;

/** The terminal's last lines as plain text, which a finger can select. */
export function TextDialog({ view, onClose }: { view: TerminalView; onClose(): void }) {
  const app = useApp();
  const [text] = useState(() => view.recentText(MOST_LINES));
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (field.current) field.current.scrollTop = field.current.scrollHeight;
  }, []);
  const copyAll = async () => {
    if (await copyText(text)) {
      app.notices.show("Copied.");
      onClose();
    } else field.current?.select();
  };
  return (
    <Dialog title="Terminal as text" testId="text-dialog" onClose={onClose}>
      <textarea ref={field} class="mono plain-text" readOnly aria-label="Text of the terminal" value={text} />
      <div class="dialog-actions">
        <button type="button" class="button primary" data-testid="copy-all" onClick={() => void copyAll()}>
          Copy all
        </button>
      </div>
    </Dialog>
  );
}

export function PasteDialog({ view, onClose }: { view: TerminalView; onClose(): void }) {
  const [text, setText] = useState("");
  return (
    <Dialog title="Paste" testId="paste-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          view.paste(text);
          onClose();
          view.terminal.focus();
        }}
      >
        <label class="field">
          <span>The browser does not hand over its clipboard here. Paste into this field:</span>
          <textarea
            class="mono"
            rows={5}
            data-testid="paste-input"
            autofocus
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <div class="dialog-actions">
          <button type="submit" class="button primary" disabled={!text}>
            Send to the terminal
          </button>
        </div>
      </form>
    </Dialog>
  );
}
