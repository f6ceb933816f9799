/** Asks to type a word before something is done that nobody can take back. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../Dialog.tsx";
import { useAction } from "../loading.ts";
import { Problem } from "../Problem.tsx";

interface TypedConfirmProps {
  title: string;
  testId: string;
  /** What must be typed. */
  word: string;
  action: string;
  /** Rejects with what went wrong: the dialog stays then. It is closed by whoever opened it when all is well. */
  onConfirm(typed: string): Promise<unknown>;
  onClose(): void;
  children: ComponentChildren;
}

export function TypedConfirm({ title, testId, word, action, onConfirm, onClose, children }: TypedConfirmProps) {
  const acting = useAction();
  const [typed, setTyped] = useState("");
  const matches = typed.trim() === word;
  return (
    <Dialog title={title} testId={testId} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (matches) void acting.run(() => onConfirm(typed.trim()));
        }}
      >
        {children}
        <label class="field">
          <span>
            Type <strong class="typed-word">{word}</strong> to go on
          </span>
          <input
            type="text"
            value={typed}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            data-testid="confirm-input"
            autofocus
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <Problem of={acting.problem} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button danger" data-testid="confirm" disabled={!matches || acting.busy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
