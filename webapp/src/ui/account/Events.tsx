/** Of what one is told. */
import { ALL_EVENTS, type NotifyEvent } from "../../net/notify.ts";

const NAMES: Record<NotifyEvent, string> = {
  attention: "A terminal wants attention",
  exit: "A program ends",
};

interface EventsProps {
  chosen: readonly NotifyEvent[];
  testId: string;
  disabled?: boolean;
  onChange(chosen: NotifyEvent[]): void;
}

export function Events({ chosen, testId, disabled, onChange }: EventsProps) {
  return (
    <fieldset class="checks" disabled={disabled ?? false}>
      <legend>Tell me when</legend>
      {ALL_EVENTS.map((event) => (
        <label key={event}>
          <input
            type="checkbox"
            class="switch"
            checked={chosen.includes(event)}
            data-testid={`${testId}-${event}`}
            onChange={(change) => {
              const wanted = change.currentTarget.checked;
              onChange(ALL_EVENTS.filter((one) => (one === event ? wanted : chosen.includes(one))));
            }}
          />
          {NAMES[event]}
        </label>
      ))}
    </fieldset>
  );
}
