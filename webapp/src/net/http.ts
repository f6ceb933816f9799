/** Requests to this server: JSON in, JSON out, and every error as the server's own sentence. */

/** The server answered with an error; `message` is its sentence. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Seconds after which it may be tried again, where the server told. */
    readonly retryAfter: number | null = null,
    /** Where what this costs is paid for (402), or ended where it is paid for (409). */
    readonly paymentUrl: string | null = null,
  ) {
    super(message);
  }
}

export async function call(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(path, {
    method,
    credentials: "same-origin",
    ...(body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  let value: unknown = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // A proxy's HTML page, for example: the status alone tells.
  }
  if (!response.ok) {
    const { error, checkout_url, portal_url } = (value ?? {}) as Record<string, unknown>;
    throw new ApiError(
      response.status,
      typeof error === "string" ? error : `the server answered ${response.status}`,
      retryAfter(response.headers.get("Retry-After"), Date.now()),
      webAddress(checkout_url) ?? webAddress(portal_url),
    );
  }
  return value;
}

/** The seconds of a `Retry-After`, which is a number of them or a date (RFC 9110, section 10.2.3). */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

/** `value` when it is an address of a web page, and nothing that would run here. */
export function webAddress(value: unknown): string | null {
  if (typeof value !== "string") return null;
  try {
    const { protocol, href } = new URL(value);
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}
