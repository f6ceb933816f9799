/** An audit log: who did what, when, from where. Of an account or of an organisation. */
import { useState } from "preact/hooks";
import { type LogEntry, readLog } from "../../net/account.ts";
import { dateTime } from "../../state/format.ts";
import { useAction, useLoaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { Panel, Show } from "./parts.tsx";

interface LogProps {
  /** Where it is read; the same with `.csv` is the whole of it as a file. */
  path: string;
  about: string;
  title?: string;
  /** How many entries are shown at first, and with each further step. */
  step?: number;
  /** Changes when there may be more to read. */
  version?: number;
}

export function Log({ path, about, title, step = 40, version = 0 }: LogProps) {
  const loaded = useLoaded(() => readLog(path, ""), [path, version]);
  return (
    <Panel title={title} testId="log">
      <div class="panel-line">
        <p class="dim">What was done with {about}, the latest first.</p>
        <a class="button small" href={`${path}.csv`} download data-testid="log-csv">
          Download as CSV
        </a>
      </div>
      <Show of={loaded}>
        {(first) => <Pages key={first[0]?.id} path={path} first={first} step={step} />}
      </Show>
    </Panel>
  );
}

interface PagesProps {
  path: string;
  first: LogEntry[];
  step: number;
}

function Pages({ path, first, step }: PagesProps) {
  const more = useAction();
  const [older, setOlder] = useState<LogEntry[]>([]);
  const [shown, setShown] = useState(step);
  const [ended, setEnded] = useState(false);
  const all = [...first, ...older];
  const last = all.at(-1);
  if (!last) return <p class="dim">Nothing has been noted yet.</p>;
  // A first page that is not even a step long is all there is.
  const further = shown < all.length || (!ended && first.length >= step && last.id !== "");
  const next = () =>
    more.run(async () => {
      if (shown + step > all.length && !ended) {
        const page = await readLog(path, last.id);
        // A server that knows no pages answers the first one again.
        if (page.length === 0 || page.some(({ id }) => id === last.id)) setEnded(true);
        else setOlder([...older, ...page]);
      }
      setShown(shown + step);
    });
  return (
    <>
      <Entries entries={all.slice(0, shown)} />
      <Problem of={more.problem} />
      {further && (
        <div class="form-actions">
          <button
            type="button"
            class="button small"
            data-testid="log-more"
            disabled={more.busy}
            onClick={() => void next()}
          >
            Show more
          </button>
        </div>
      )}
    </>
  );
}

function Entries({ entries }: { entries: LogEntry[] }) {
  const known = (what: "who" | "about" | "address") => entries.some((entry) => entry[what] !== "");
  return (
    <div class="table">
      <table class="log-table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            {known("about") && <th scope="col">Whom</th>}
            {known("who") && <th scope="col">By</th>}
            {known("address") && <th scope="col">From</th>}
          </tr>
        </thead>
        <tbody>
          {entries.map((entry, at) => (
            <tr key={entry.id || at} data-testid="log-entry">
              <td class="numbers">{dateTime(entry.at)}</td>
              <td class="log-what">
                {entry.action} {entry.subject && <span class="mono dim">{entry.subject}</span>}
              </td>
              {known("about") && <td>{entry.about}</td>}
              {known("who") && <td class="log-by">{entry.who}</td>}
              {known("address") && <td class="mono">{entry.address && <span>{entry.address}</span>}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
