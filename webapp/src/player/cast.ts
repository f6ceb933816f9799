/** Reads a recording: asciicast v2 (a header line, then one JSON array a line). */

export interface CastEvent {
  /** Seconds since the beginning. */
  time: number;
  kind: "output" | "resize";
  data: string;
}

export interface Cast {
  cols: number;
  rows: number;
  /** Unix seconds, when the header tells. */
  startedAt: number | null;
  title: string;
  events: CastEvent[];
  /** Lines that could not be read, e.g. the last one of a recording that was cut off. */
  damagedLines: number;
}

const KINDS = new Map<string, CastEvent["kind"]>([
  ["o", "output"],
  ["r", "resize"],
]);

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 1000;
}

/** Throws `Error` with a sentence when there is no header of version 2. */
export function parseCast(text: string): Cast {
  const lines = text.split("\n");
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  } catch {
    throw new Error("This recording has no readable header.");
  }
  if (header?.version !== 2 || !isSize(header.width) || !isSize(header.height)) {
    throw new Error("This recording is not in the asciicast v2 format.");
  }
  const events: CastEvent[] = [];
  let damagedLines = 0;
  let latest = 0;
  for (const line of lines.slice(1)) {
    if (line.trim() === "") continue;
    const event = parseEvent(line);
    if (event === "damaged") damagedLines += 1;
    else if (event) {
      latest = Math.max(latest, event.time);
      events.push({ ...event, time: latest });
    }
  }
  return {
    cols: header.width,
    rows: header.height,
    startedAt: typeof header.timestamp === "number" ? header.timestamp : null,
    title: typeof header.title === "string" ? header.title : "",
    events,
    damagedLines,
  };
}

/** null: a well-formed event of a kind that is not shown (input, markers). */
function parseEvent(line: string): CastEvent | null | "damaged" {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "damaged";
  }
  if (!Array.isArray(value)) return "damaged";
  const [time, code, data] = value as unknown[];
  if (typeof time !== "number" || !(time >= 0) || typeof code !== "string" || typeof data !== "string") {
    return "damaged";
  }
  const kind = KINDS.get(code);
  return kind ? { time, kind, data } : null;
}

/** The same events with no pause longer than `longest` seconds. */
export function shortenPauses(events: readonly CastEvent[], longest: number): CastEvent[] {
  let cut = 0;
  let previous = 0;
  return events.map((event) => {
    cut += Math.max(0, event.time - previous - longest);
    previous = event.time;
    return { ...event, time: event.time - cut };
  });
}

/** "120x40" of a resize event. Null when it is not a size. */
export function parseSize(data: string): { cols: number; rows: number } | null {
  const match = /^(\d+)x(\d+)$/.exec(data);
  const cols = Number(match?.[1]);
  const rows = Number(match?.[2]);
  return isSize(cols) && isSize(rows) ? { cols, rows } : null;
}
