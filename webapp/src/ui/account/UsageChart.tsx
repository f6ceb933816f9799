/** A month's bytes day by day, as bars; and the same as a table, for those who want or need the numbers. */
import { bytes } from "../../state/format.ts";
import { bars } from "../../state/usage.ts";

/** Units of the drawing: it is stretched to the width of the page, so no text is in it. */
const HEIGHT = 100;
const SLOT = 10;
const GAP = 2;
/** Every so many days one is named. */
const WEEK = 7;

interface UsageChartProps {
  month: string;
  days: readonly { day: string; bytes: number }[];
}

export function UsageChart({ month, days }: UsageChartProps) {
  const all = bars(month, days);
  if (all.length === 0) return null;
  const highest = all.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const name = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric", timeZone: "UTC" });
  const title = name.format(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 1));
  return (
    <figure class="chart" data-testid="usage-chart">
      <figcaption>
        <span>{title}</span>
        <span class="dim numbers">
          {highest.bytes > 0 ? `most on day ${highest.day}: ${bytes(highest.bytes)}` : "nothing yet"}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${all.length * SLOT} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Bytes relayed on each day of ${title}; the numbers are in the table below.`}
      >
        {all.map(({ day, bytes: count, height }) => {
          const drawn = count > 0 ? Math.max(2, height * HEIGHT) : 1;
          return (
            <g key={day}>
              <title>{`${day}: ${bytes(count)}`}</title>
              <rect class="slot" x={(day - 1) * SLOT} y={0} width={SLOT} height={HEIGHT} />
              <rect
                class={count > 0 ? "bar" : "bar none"}
                x={(day - 1) * SLOT + GAP / 2}
                y={HEIGHT - drawn}
                width={SLOT - GAP}
                height={drawn}
              />
            </g>
          );
        })}
      </svg>
      <div class="chart-days numbers" aria-hidden="true">
        {all.map(({ day }) => (
          <span key={day}>{day % WEEK === 1 ? day : ""}</span>
        ))}
      </div>
      <details>
        <summary>As a table</summary>
        <div class="table">
          <table data-testid="usage-table">
            <thead>
              <tr>
                <th scope="col">Day (UTC)</th>
                <th scope="col">Relayed</th>
              </tr>
            </thead>
            <tbody>
              {all
                .filter((bar) => bar.bytes > 0)
                .map((bar) => (
                  <tr key={bar.day}>
                    <td class="numbers">{`${month}-${String(bar.day).padStart(2, "0")}`}</td>
                    <td class="numbers">{bytes(bar.bytes)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
