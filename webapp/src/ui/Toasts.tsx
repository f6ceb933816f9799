import { useApp } from "./context.ts";
import { CloseIcon } from "./icons.tsx";

export function Toasts() {
  const { notices } = useApp();
  return (
    <div class="toasts" role="status" aria-live="polite">
      {notices.list.value.map((notice) => (
        <div key={notice.id} class={`toast ${notice.tone}`} data-testid="notice">
          <span>{notice.text}</span>
          {notice.action && (
            <button
              type="button"
              class="button small"
              onClick={() => {
                notice.action?.run();
                notices.dismiss(notice.id);
              }}
            >
              {notice.action.label}
            </button>
          )}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => notices.dismiss(notice.id)}>
            <CloseIcon />
          </button>
        </div>
      ))}
    </div>
  );
}
