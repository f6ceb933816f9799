/** What went wrong, as the server's own sentence, and what can be done about it. */
import { useState } from "preact/hooks";
import { ApiError } from "../net/http.ts";
import { sentence, span } from "../state/format.ts";
import { useNow } from "./hooks.ts";

interface ProblemProps {
  of: unknown;
  onRetry?: () => void;
}

export function Problem({ of: why, onRetry }: ProblemProps) {
  if (why === null || why === undefined) return null;
  const told = why instanceof ApiError ? why : null;
  return (
    <p class="problem" role="alert" data-testid="problem">
      {sentence(why instanceof Error ? why.message : String(why))}{" "}
      {told?.retryAfter != null && <Wait key={told.message} of={told} seconds={told.retryAfter} />}
      {told?.paymentUrl && (
        <a href={told.paymentUrl} rel="noreferrer" data-testid="checkout">
          Go to the payment page
        </a>
      )}
      {onRetry && told?.retryAfter == null && (
        <button type="button" class="link" onClick={onRetry}>
          Try again
        </button>
      )}
    </p>
  );
}

/** When it may be tried again, counted down. */
function Wait({ of: why, seconds }: { of: ApiError; seconds: number }) {
  const now = useNow(1000);
  const [until] = useState(() => new Map<ApiError, number>());
  if (!until.has(why)) until.set(why, Date.now() + seconds * 1000);
  const left = ((until.get(why) ?? 0) - now) / 1000;
  return <span class="numbers">{left > 0 ? `Try again in ${span(left)}.` : "You can try again now."}</span>;
}
