/** What the account pages ask the server for, and what they ask it to do. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../net/http.ts";
import { useApp } from "./context.ts";

export interface Loaded<T> {
  /** Null until it has come. */
  value: T | null;
  problem: unknown;
  /** Asks again; what is shown stays meanwhile. Never rejects: what went wrong is in `problem`. */
  reload(): Promise<void>;
}

/** Asks at once, and anew whenever one of `keys` changes. */
export function useLoaded<T>(load: () => Promise<T>, keys: readonly unknown[] = []): Loaded<T> {
  const app = useApp();
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const latest = useRef(0);
  const reload = async () => {
    latest.current += 1;
    const asked = latest.current;
    try {
      const answer = await load();
      if (asked !== latest.current) return;
      setValue(() => answer);
      setProblem(null);
    } catch (why) {
      if (why instanceof ApiError && why.status === 401) app.loginEnded();
      else if (asked === latest.current) setProblem(why);
    }
  };
  useEffect(() => {
    void reload();
    return () => {
      latest.current += 1;
    };
  }, keys);
  return { value, problem, reload };
}

export interface Action {
  busy: boolean;
  problem: unknown;
  /** Whether `act` ended well. One at a time. */
  run(act: () => Promise<unknown>): Promise<boolean>;
  /** Says that something is wrong before the server is asked; null takes it back. */
  refuse(why: unknown): void;
}

export function useAction(): Action {
  const app = useApp();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const run = async (act: () => Promise<unknown>) => {
    if (busy) return false;
    setBusy(true);
    setProblem(null);
    try {
      await act();
      return true;
    } catch (why) {
      if (why instanceof ApiError && why.status === 401) app.loginEnded();
      else setProblem(why);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run, refuse: setProblem };
}
