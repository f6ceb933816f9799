/**
 * Reads answers without trusting their shape: a field that is missing or of another type becomes empty, an entry
 * that is no object is left out, and an answer that is something else altogether is an error.
 */

export type Fields = Readonly<Record<string, unknown>>;

const NOT_UNDERSTOOD = "The server's answer was not understood. Reload the page: it may be older than the server.";

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws `Error` when `value` is no object. */
export function fields(value: unknown): Fields {
  if (!isFields(value)) throw new Error(NOT_UNDERSTOOD);
  return value;
}

/** Throws `Error` when `value` is no list. `read` answers null for an entry that is of no use. */
export function list<T>(value: unknown, read: (entry: Fields) => T | null): T[] {
  if (!Array.isArray(value)) throw new Error(NOT_UNDERSTOOD);
  return value.filter(isFields).flatMap((entry) => read(entry) ?? []);
}

export function text(from: Fields, name: string): string {
  const value = from[name];
  return typeof value === "string" ? value : "";
}

export function number(from: Fields, name: string): number {
  const value = from[name];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

export const flag = (from: Fields, name: string): boolean => from[name] === true;

/** What names an entry in an address: ids are text, or numbers of the database. */
export function identifier(from: Fields, name: string): string {
  const value = from[name];
  return typeof value === "number" ? String(value) : text(from, name);
}
