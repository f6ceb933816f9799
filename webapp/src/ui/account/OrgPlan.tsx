/** What an organisation's plan is and how many of its seats are taken. */
import { useEffect, useState } from "preact/hooks";
import { type Org, orgs } from "../../net/orgs.ts";
import { useApp } from "../context.ts";
import { useAction } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { count } from "./Orgs.tsx";
import { Panel } from "./parts.tsx";

export function Plan({ org, onChanged }: { org: Org; onChanged(): void }) {
  const app = useApp();
  const acting = useAction();
  const pro = org.plan === "pro";
  const [seats, setSeats] = useState(0);
  useEffect(() => setSeats(Math.max(org.seats, org.members, 1)), [org.seats, org.members]);
  const act = async (what: () => Promise<unknown>, done: string) => {
    if (await acting.run(what)) app.notices.show(done);
    onChanged();
  };
  return (
    <Panel title="Plan" testId="org-plan">
      <p>
        <strong data-testid="org-plan-name">{pro ? "Pro" : "Free"}</strong>
        {pro && org.seats > 0 && (
          <span data-testid="org-seats">
            : {org.members} of {count(org.seats, "seat")} taken
          </span>
        )}
      </p>
      <p class="dim">
        {pro
          ? "Every member with a seat is relayed to without a monthly limit."
          : "Members have their own plan's monthly limit. With Pro, every member with a seat has none."}
      </p>
      {org.isOwner && (
        <form
          class="form-actions spread"
          onSubmit={(event) => {
            event.preventDefault();
            void act(() => orgs.upgrade(org.id, seats), pro ? "The seats are changed." : "The organisation has Pro.");
          }}
        >
          <label class="compact">
            Seats{" "}
            <input
              type="number"
              class="small"
              min={Math.max(1, org.members)}
              max={10_000}
              value={seats}
              data-testid="seats"
              onInput={(event) => setSeats(Number(event.currentTarget.value))}
            />
          </label>
          <span class="buttons">
            {pro && (
              <SureButton
                label="Cancel Pro"
                sure="Cancel it now"
                about={org.name}
                testId="cancel-plan"
                disabled={acting.busy}
                onSure={() => void act(() => orgs.cancel(org.id), "Pro is cancelled.")}
              />
            )}
            <button
              type="submit"
              class={pro ? "button small" : "button primary"}
              data-testid="upgrade-org"
              disabled={acting.busy || (pro && seats === org.seats)}
            >
              {pro ? "Change seats" : "Upgrade to Pro"}
            </button>
          </span>
        </form>
      )}
      <Problem of={acting.problem} />
    </Panel>
  );
}
