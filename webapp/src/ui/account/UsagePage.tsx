/** What was relayed this month, how much of it there is, and the plan that says so. */
import { account, type Usage } from "../../net/account.ts";
import { bytes, dateTime } from "../../state/format.ts";
import { accountPage } from "../../state/route.ts";
import { share } from "../../state/usage.ts";
import { useApp } from "../context.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { Panel, Show } from "./parts.tsx";
import { UsageChart } from "./UsageChart.tsx";

export function UsagePage() {
  const app = useApp();
  const loaded = useLoaded(account.usage);
  return (
    <Show of={loaded}>
      {(usage) => (
        <>
          <Month usage={usage} />
          {app.signIn && <Plan usage={usage} onChanged={() => void loaded.reload()} />}
        </>
      )}
    </Show>
  );
}

function Month({ usage }: { usage: Usage }) {
  const used = share(usage.bytes, usage.cap);
  return (
    <Panel testId="usage">
      <p class="figure">
        <strong class="numbers" data-testid="usage-bytes">
          {bytes(usage.bytes)}
        </strong>{" "}
        <span class="dim">
          {usage.cap === null ? "relayed to your browsers this month" : `of ${bytes(usage.cap)} relayed this month`}
        </span>
      </p>
      {usage.cap !== null && (
        <svg
          class={`meter ${usage.exceeded ? "full" : usage.notice ? "nearly" : ""}`}
          viewBox="0 0 100 1"
          preserveAspectRatio="none"
          role="img"
          aria-label={`${Math.round(used * 100)} % of the month's limit`}
          data-testid="usage-meter"
        >
          <rect class="slot" width={100} height={1} />
          <rect class="bar" width={used * 100} height={1} />
        </svg>
      )}
      {usage.exceeded && (
        <p class="problem" data-testid="usage-exceeded">
          The month's limit is reached: nothing more is relayed to your browsers until it ends. What runs in your
          terminals goes on.
        </p>
      )}
      {!usage.exceeded && usage.notice && (
        <p class="caution" data-testid="usage-notice">
          More than four fifths of the month's limit are used.
        </p>
      )}
      <p class="dim">
        {usage.cap === null ? "There is no limit. " : ""}
        {usage.resetsAt > 0 && (
          <>
            Counting starts anew on <time data-testid="usage-resets">{dateTime(usage.resetsAt)}</time>.
          </>
        )}
      </p>
      <UsageChart month={usage.month} days={usage.days} />
    </Panel>
  );
}

function Plan({ usage, onChanged }: { usage: Usage; onChanged(): void }) {
  const app = useApp();
  const acting = useAction();
  const pro = usage.tier === "pro";
  const act = async (what: () => Promise<unknown>, done: string) => {
    if (await acting.run(what)) {
      app.notices.show(done);
      app.bandwidth.value = "";
      onChanged();
    }
  };
  return (
    <Panel title="Plan" testId="plan">
      <p>
        <strong data-testid="tier">{pro ? "Pro" : "Free"}</strong>
        {usage.viaOrg && (
          <>
            , by a seat in{" "}
            <a href={accountPage("orgs", usage.viaOrg)}>{app.orgs.name(usage.viaOrg) || "an organisation"}</a>
          </>
        )}
      </p>
      <p class="dim">
        {pro ? "Without a monthly limit." : "Pro has no monthly limit. An organisation can give its members seats of it."}
      </p>
      {!usage.viaOrg && (
        <div class="buttons">
          {pro ? (
            <SureButton
              label="Go back to Free"
              sure="Go back now"
              about="your plan"
              testId="downgrade"
              disabled={acting.busy}
              onSure={() => void act(account.downgrade, "You are on Free again.")}
            />
          ) : (
            <button
              type="button"
              class="button primary"
              data-testid="upgrade"
              disabled={acting.busy}
              onClick={() => void act(account.upgrade, "You have Pro now.")}
            >
              Upgrade to Pro
            </button>
          )}
        </div>
      )}
      <Problem of={acting.problem} />
    </Panel>
  );
}
