/** A button that asks once more, in its own place, before it does what cannot be taken back. */
import { useState } from "preact/hooks";

interface SureButtonProps {
  label: string;
  /** What the second press says that it does. */
  sure: string;
  /** What it acts on, for those who do not see the row around it. */
  about: string;
  testId: string;
  disabled?: boolean;
  onSure(): void;
}

export function SureButton({ label, sure, about, testId, disabled, onSure }: SureButtonProps) {
  const [asking, setAsking] = useState(false);
  return (
    <button
      type="button"
      class={asking ? "button small danger" : "button small"}
      data-testid={testId}
      disabled={disabled ?? false}
      aria-label={`${asking ? sure : label}: ${about}`}
      onBlur={() => setAsking(false)}
      onKeyDown={(event) => {
        if (event.key === "Escape" && asking) {
          event.stopPropagation();
          setAsking(false);
        }
      }}
      onClick={() => {
        setAsking(!asking);
        if (asking) onSure();
      }}
    >
      {asking ? sure : label}
    </button>
  );
}
