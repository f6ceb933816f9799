import { describe, expect, it } from "vitest";
import { agentName, ago, bytes, clock, date, dateTime, milliseconds, sentence, span } from "../../src/state/format.ts";

describe("format", () => {
  it("tells how long ago", () => {
    expect([0, 59, 60, 3599, 3600, 86_399, 200_000].map((s) => ago(1_000_000 - s, 1_000_000))).toEqual([
      "just now",
      "just now",
      "1 min",
      "59 min",
      "1 h",
      "23 h",
      "2 d",
    ]);
    expect(ago(10, 0)).toBe("just now"); // the wing's clock is ahead
  });
  it("writes a clock", () => {
    expect([0, 75.4, 3675, -1].map(clock)).toEqual(["0:00", "1:15", "1:01:15", "0:00"]);
  });
  it("writes sizes and times", () => {
    expect([0, 1023, 1536, 5 * 1024 ** 3].map(bytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
    expect([3.6, 999, 1500].map(milliseconds)).toEqual(["4 ms", "999 ms", "1.5 s"]);
  });
  it("tells how long it still takes, never too short", () => {
    expect([0, 0.4, 40.2, 90, 5399, 5400, 86_400].map(span)).toEqual(["moments", "moments", "41 s", "2 min", "90 min", "2 h", "24 h"]);
  });
  it("has no date for what is not known", () => {
    expect([date(0), dateTime(0)]).toEqual(["", ""]);
    expect(date(1_780_000_000)).toContain("2026");
  });
  it("names agents, also unknown ones", () => {
    expect(["claude", "my-agent", "constructor"].map(agentName)).toEqual(["Claude", "my-agent", "constructor"]);
  });
});

describe("sentence", () => {
  it("has a capital and a full stop", () => {
    expect(sentence("the disk is full")).toBe("The disk is full.");
    expect(sentence("Really?")).toBe("Really?");
  });
});
