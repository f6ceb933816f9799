/** The start page: every wing, what runs on it, and the way to a new terminal. */
import { useEffect } from "preact/hooks";
import { useApp } from "./context.ts";
import { WingCard } from "./WingCard.tsx";

const REFRESH_MS = 15_000;

export function Wings() {
  const app = useApp();
  const wings = app.wings.sorted.value;
  useEffect(() => {
    void app.wings.probeAll();
    const timer = setInterval(() => {
      if (!document.hidden) void app.wings.probeAll();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [app]);
  const online = wings.filter((wing) => wing.online).length;
  return (
    <main class="page">
      <div class="page-head">
        <h1>Wings</h1>
        {app.wings.listed.value && wings.length > 0 && (
          <p class="dim">
            {online} of {wings.length} online
          </p>
        )}
      </div>
      {wings.length === 0 && app.wings.listed.value ? <NoWings /> : null}
      <ul class="wings">
        {wings.map((wing) => (
          <li key={wing.id}>
            <WingCard wing={wing} listed={app.wings.listed.value} />
          </li>
        ))}
      </ul>
    </main>
  );
}

function NoWings() {
  return (
    <section class="empty" data-testid="no-wings">
      <h2>No wing yet</h2>
      <p>
        A wing is a machine of yours that lets you in. On that machine, install wingthing and type these two lines, the
        first with this server's address:
      </p>
      <pre class="command">
        <code>{`wt login --roost ${location.origin}\nwt start`}</code>
      </pre>
      <p class="dim">It appears here by itself.</p>
    </section>
  );
}
