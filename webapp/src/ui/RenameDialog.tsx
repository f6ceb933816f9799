import { useState } from "preact/hooks";
import { api } from "../net/api.ts";
import { type Wing, wingName } from "../state/wing.ts";
import { useApp } from "./context.ts";
import { Dialog } from "./Dialog.tsx";

export function RenameDialog({ wing, onClose }: { wing: Wing; onClose(): void }) {
  const app = useApp();
  const [label, setLabel] = useState(wing.label);
  const [problem, setProblem] = useState("");
  const save = async () => {
    const text = label.trim();
    try {
      if (text) await api.setLabel(wing.id, text);
      else await api.removeLabel(wing.id);
    } catch (why) {
      setProblem(why instanceof Error ? why.message : String(why));
      return;
    }
    app.wings.setLabel(wing.id, text);
    onClose();
  };
  return (
    <Dialog title={`Rename ${wingName(wing)}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="field">
          <span>Name shown to you</span>
          <input
            type="text"
            value={label}
            maxLength={64}
            placeholder={wing.info?.hostname ?? ""}
            data-testid="label-input"
            autofocus
            onInput={(event) => setLabel(event.currentTarget.value)}
          />
          <small>Leave it empty for the machine's own name.</small>
        </label>
        {problem && <p class="problem">{problem}</p>}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
