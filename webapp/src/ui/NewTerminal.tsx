/** Opens a terminal on a wing: which program, in which folder. */
import { useState } from "preact/hooks";
import { agentName } from "../state/format.ts";
import { expandHome, isPath } from "../state/folders.ts";
import { lastUsed, rememberUsed } from "../state/last-used.ts";
import { browserStore } from "../state/storage.ts";
import { shortPath, type Wing, wingName } from "../state/wing.ts";
import { useApp } from "./context.ts";
import { Dialog } from "./Dialog.tsx";
import { FolderPicker } from "./FolderPicker.tsx";

export function NewTerminal({ wing, onClose }: { wing: Wing; onClose(): void }) {
  const app = useApp();
  const store = browserStore("localStorage");
  const agents = wing.info?.agents?.length ? wing.info.agents : ["shell"];
  const home = wing.info?.home;
  const [last] = useState(() => lastUsed(store, wing.id));
  const [agent, setAgent] = useState(() => agents.find((name) => name === (last?.agent ?? "shell")) ?? agents[0] ?? "shell");
  const [folder, setFolder] = useState(() => shortPath(last?.cwd ?? wing.info?.default_path ?? "", home));
  const [problem, setProblem] = useState("");

  const open = (typed: string) => {
    const cwd = expandHome(typed.trim(), home).replace(/(.)\/+$/, "$1");
    if (cwd && !isPath(cwd)) {
      setProblem("Choose a project from the list, or type a path that begins with / or ~.");
      return;
    }
    rememberUsed(store, wing.id, { agent, cwd });
    onClose();
    app.open({ wingId: wing.id, agent, cwd });
  };

  return (
    <Dialog title={`New terminal on ${wingName(wing)}`} testId="new-terminal-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          open(folder);
        }}
      >
        <fieldset class="choice" data-testid="agent-select">
          <legend>Program</legend>
          <div class="chips">
            {agents.map((name) => (
              <label key={name}>
                <input
                  type="radio"
                  name="agent"
                  value={name}
                  checked={agent === name}
                  onChange={() => setAgent(name)}
                />
                <span>{agentName(name)}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <FolderPicker
          wing={wing}
          value={folder}
          onChange={(typed) => {
            setFolder(typed);
            setProblem("");
          }}
        />
        {problem && <p class="problem">{problem}</p>}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" data-testid="open-terminal">
            Open terminal
          </button>
        </div>
      </form>
    </Dialog>
  );
}
