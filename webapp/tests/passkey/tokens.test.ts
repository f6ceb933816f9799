import { describe, expect, it, vi } from "vitest";
import { WingTokens } from "../../src/passkey/tokens.ts";
import { OTHER_TOKEN, TOKEN } from "../support/passkeys.ts";

describe("WingTokens", () => {
  it("shows a token to the wing that gave it, under the key it had then", () => {
    const onKept = vi.fn();
    const tokens = new WingTokens(onKept);
    tokens.keep("w1", "key", TOKEN);
    expect(onKept.mock.calls).toEqual([["w1"]]);
    expect(tokens.get("w1", "key")).toBe(TOKEN);
    expect(tokens.get("w1", "another key")).toBe("");
    expect(tokens.get("w2", "key")).toBe("");
  });

  it("drops the one that was refused, not a newer one", () => {
    const tokens = new WingTokens(() => undefined);
    tokens.keep("w1", "key", TOKEN);
    tokens.keep("w1", "key", OTHER_TOKEN);
    tokens.refused("w1", TOKEN);
    expect(tokens.get("w1", "key")).toBe(OTHER_TOKEN);
    tokens.refused("w1", OTHER_TOKEN);
    expect(tokens.get("w1", "key")).toBe("");
  });

  it("keeps nothing that is no token, and nothing after the login", () => {
    const tokens = new WingTokens(() => undefined);
    tokens.keep("w1", "key", "no token");
    expect(tokens.get("w1", "key")).toBe("");
    tokens.keep("w1", "key", TOKEN);
    tokens.clear();
    expect(tokens.get("w1", "key")).toBe("");
  });
});
