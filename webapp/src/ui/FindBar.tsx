import { useEffect, useRef, useState } from "preact/hooks";
import type { SearchResult, TerminalView } from "../terminal/view.ts";
import { CloseIcon, DownIcon, UpIcon } from "./icons.tsx";

export function FindBar({ view, onClose }: { view: TerminalView; onClose(): void }) {
  const [text, setText] = useState("");
  const [result, setResult] = useState<SearchResult | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    view.onSearch = setResult;
    input.current?.focus();
    return () => {
      view.onSearch = () => undefined;
    };
  }, [view]);
  const change = (wanted: string) => {
    setText(wanted);
    if (wanted) view.find(wanted, "previous", true);
    else {
      view.endFind();
      setResult(null);
    }
  };
  const count = !text || !result ? "" : result.count === 0 ? "none" : `${result.index + 1} of ${result.count}`;
  return (
    <search class="find-bar" data-testid="find-bar">
      <input
        ref={input}
        type="text"
        aria-label="Find in the scrollback"
        placeholder="Find"
        autocapitalize="off"
        spellcheck={false}
        data-testid="find-input"
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && text) view.find(text, event.shiftKey ? "next" : "previous", false);
          else if (event.key === "Escape") onClose();
        }}
      />
      <span class="dim numbers" role="status" data-testid="find-count">
        {count}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label="Earlier match"
        title="Earlier (Enter)"
        disabled={!text}
        onClick={() => view.find(text, "previous", false)}
      >
        <UpIcon />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Later match"
        title="Later (Shift+Enter)"
        disabled={!text}
        onClick={() => view.find(text, "next", false)}
      >
        <DownIcon />
      </button>
      <button type="button" class="icon-button" aria-label="Close find" onClick={onClose}>
        <CloseIcon />
      </button>
    </search>
  );
}
