/**
 * A combobox for folders: words find projects, a path (`/...` or `~/...`) is completed folder by folder.
 * Arrows choose, Enter or Tab takes the chosen one, a second Enter opens the terminal.
 */
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { emptyNote, expandHome, folderToList, matchFolders, matchProjects, type Suggestion } from "../state/folders.ts";
import { shortPath, type Wing } from "../state/wing.ts";
import { listFolder } from "../tunnel/calls.ts";
import type { Listing } from "../tunnel/types.ts";
import { useApp } from "./context.ts";
import { FolderIcon, ProjectIcon } from "./icons.tsx";

interface FolderPickerProps {
  wing: Wing;
  value: string;
  onChange(typed: string): void;
}

interface Answer extends Listing {
  folder: string;
  problem: string;
}

const TYPING_PAUSE_MS = 120;

export function FolderPicker({ wing, value, onChange }: FolderPickerProps) {
  const id = useId();
  const home = wing.info?.home;
  const projects = wing.info?.projects ?? [];
  const [touched, setTouched] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const asked = folderToList(expandHome(value, home), touched, projects.length);
  const folder = asked ? asked.folder : null;
  const beginning = asked ? asked.beginning : "";
  const listing = useFolder(wing.id, folder, beginning.startsWith("."));
  const listRef = useRef<HTMLUListElement>(null);

  const suggestions = useMemo((): Suggestion[] => {
    if (folder !== null) return matchFolders(listing?.entries ?? [], beginning);
    return matchProjects(projects, touched ? value : "");
  }, [folder, listing, beginning, projects, touched, value]);

  useEffect(() => {
    listRef.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  const type = (text: string) => {
    setTouched(true);
    setChosen(-1);
    onChange(text);
  };

  const take = (suggestion: Suggestion) => {
    const short = shortPath(suggestion.path, home);
    type(suggestion.kind === "folder" ? `${short}/` : short);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const one = suggestions[chosen];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (suggestions.length === 0) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((chosen + step + suggestions.length + (chosen < 0 && step < 0 ? 1 : 0)) % suggestions.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && one && !event.shiftKey) {
      event.preventDefault();
      take(one);
    }
  };

  return (
    <div class="field">
      <label for={`${id}-input`}>Folder</label>
      <input
        id={`${id}-input`}
        type="text"
        class="mono"
        role="combobox"
        aria-expanded={suggestions.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder="A project's name, or a path such as ~/src"
        data-testid="folder-input"
        autofocus
        value={value}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onFocus={(event) => event.currentTarget.select()}
      />
      <div class="options">
        <ul id={`${id}-list`} role="listbox" aria-label="Folders" ref={listRef}>
          {suggestions.map((suggestion, index) => (
            <li
              key={suggestion.path}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              data-testid="folder-option"
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => take(suggestion)}
            >
              {suggestion.kind === "project" ? <ProjectIcon /> : <FolderIcon />}
              <span class="option-name">{shortPath(suggestion.name, home)}</span>
              <span class="option-path mono dim">{shortPath(suggestion.path, home)}</span>
            </li>
          ))}
        </ul>
        <p class="dim options-note" role="status" data-testid="folder-note">
          {suggestions.length > 0 ? "" : emptyNote(listing, asked)}
        </p>
      </div>
    </div>
  );
}

/** The entries of `folder` on the wing, asked for after a pause in typing; null while not known. */
function useFolder(wingId: string, folder: string | null, hidden: boolean): Answer | null {
  const app = useApp();
  const [listing, setListing] = useState<Answer | null>(null);
  useEffect(() => {
    if (folder === null) return;
    let here = true;
    const timer = setTimeout(async () => {
      const answer = await ask(folder);
      if (here) setListing(answer);
    }, TYPING_PAUSE_MS);
    const ask = async (path: string): Promise<Answer> => {
      const nothing = { folder: path, entries: [], hidden: false };
      const tunnel = app.wings.tunnel(wingId);
      if (!tunnel) return { ...nothing, problem: "The wing is not connected just now." };
      try {
        return { ...nothing, ...(await listFolder(tunnel, path, hidden)), problem: "" };
      } catch (why) {
        return { ...nothing, problem: why instanceof Error ? why.message : String(why) };
      }
    };
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [app, wingId, folder, hidden]);
  return listing?.folder === folder ? listing : null;
}
