/** The strip that says that a connection is down, with its countdown. */
import type { ComponentChildren } from "preact";
import type { SocketState } from "../net/socket.ts";
import { sentence } from "../state/format.ts";
import { accountPage } from "../state/route.ts";
import { useApp } from "./context.ts";
import { useNow } from "./hooks.ts";

interface BannerProps {
  tone: "waiting" | "problem" | "info";
  testId?: string;
  children: ComponentChildren;
  actions?: ComponentChildren;
}

export function Banner({ tone, testId = "banner", children, actions }: BannerProps) {
  return (
    <div class={`banner ${tone}`} role="status" data-testid={testId}>
      <span class="banner-text">{children}</span>
      {actions && <span class="banner-actions">{actions}</span>}
    </div>
  );
}

/** A sentence that counts down, or that an attempt is under way. */
export function Countdown({ state }: { state: SocketState }) {
  const now = useNow(250);
  if (state.name !== "waiting") return <>Connecting…</>;
  return (
    <>
      Trying again in <span class="numbers">{Math.max(0, Math.ceil((state.until - now) / 1000))}</span> s.
    </>
  );
}

/** The server itself is away. Shown where no terminal shows its own banner. */
export function ConnectionBanner() {
  const app = useApp();
  const dashboard = app.dashboard.value;
  const state = dashboard?.state.value;
  if (!dashboard || !state || state.name === "open" || app.tabs.active.value) return null;
  if (state.name === "connecting" && !app.wings.listed.value) return null;
  return (
    <Banner
      tone="waiting"
      actions={
        <button type="button" class="button small" data-testid="retry-now" onClick={() => dashboard.retryNow()}>
          Retry now
        </button>
      }
    >
      The server is not connected. <Countdown state={state} />
    </Banner>
  );
}

/** The month's limit is reached: said over every page until it ends, the plan changes or the page is left. */
export function BandwidthBanner() {
  const app = useApp();
  const message = app.bandwidth.value;
  if (!message) return null;
  return (
    <Banner
      tone="problem"
      testId="bandwidth-exceeded"
      actions={
        <a class="button small" href={accountPage("usage")} data-testid="show-usage">
          Show the usage
        </a>
      }
    >
      {sentence(message)}
    </Banner>
  );
}
