/** Stands in for `fetch`: answers what it was told to, and notes what it was asked. */
import { afterEach, vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  body: unknown;
  type: string | undefined;
}

export class FakeServer {
  readonly asked: Asked[] = [];
  readonly #answers: Response[] = [];

  constructor() {
    vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
      const headers = (init.headers ?? {}) as Record<string, string>;
      this.asked.push({
        method: init.method ?? "GET",
        path,
        body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
        type: headers["Content-Type"],
      });
      const answer = this.#answers.shift();
      if (!answer) throw new Error(`${path} was not expected`);
      return Promise.resolve(answer);
    });
  }

  /** The next answer. Text goes out as it is, everything else as JSON. */
  answers(value: unknown, status = 200, headers: Record<string, string> = {}): this {
    const body = status === 204 ? null : typeof value === "string" ? value : JSON.stringify(value);
    this.#answers.push(new Response(body, { status, headers }));
    return this;
  }

  get last(): Asked {
    const last = this.asked.at(-1);
    if (!last) throw new Error("nothing was asked");
    return last;
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
});
