/** What the account pages are put together from. */
import type { ComponentChildren } from "preact";
import type { Loaded } from "../loading.ts";
import { Problem } from "../Problem.tsx";

interface PanelProps {
  title?: ComponentChildren;
  testId?: string;
  children: ComponentChildren;
}

/** A part of a page with a heading of its own. */
export function Panel({ title, testId, children }: PanelProps) {
  return (
    <section class="panel" data-testid={testId}>
      {title && <h2>{title}</h2>}
      {children}
    </section>
  );
}

interface LoadedProps<T> {
  of: Loaded<T>;
  children(value: T): ComponentChildren;
}

/** Shows what has been loaded, and says what went wrong beside what is known. */
export function Show<T>({ of: loaded, children }: LoadedProps<T>) {
  return (
    <>
      <Problem of={loaded.problem} onRetry={() => void loaded.reload()} />
      {loaded.value !== null && children(loaded.value)}
      {loaded.value === null && loaded.problem === null && (
        <p class="dim" role="status">
          Loading…
        </p>
      )}
    </>
  );
}

interface RowProps {
  title: ComponentChildren;
  facts: ComponentChildren;
  testId: string;
  id?: string;
  children?: ComponentChildren;
}

/** One of a list: what it is, what is known of it, and what can be done with it. */
export function Row({ title, facts, testId, id, children }: RowProps) {
  return (
    <li class="row" data-testid={testId} data-id={id}>
      <span class="row-text">
        <span class="row-title">{title}</span>
        <small>{facts}</small>
      </span>
      {children && <span class="row-actions">{children}</span>}
    </li>
  );
}

/** Facts that are known, one after another. */
export const facts = (...known: (string | false | undefined)[]): string => known.filter(Boolean).join(" · ");
