import { describe, expect, it } from "vitest";
import { isTerminalReply } from "../../src/terminal/replies.ts";

describe("isTerminalReply", () => {
  it.each(["\x1b[?1;2c", "\x1b[>0;276;0c", "\x1b[12;40R", "\x1b[0n", "\x1b[?2026;2$y", "\x1b]11;rgb:00/00/00\x1b\\", "\x1bP>|x\x1b\\"])(
    "%j is an answer",
    (data) => expect(isTerminalReply(data)).toBe(true),
  );
  it.each(["a", "\x1b", "\x1b[A", "\x1b[1;5D", "\x1bOP", "\x1b[200~text\x1b[201~", "c", "\r"])("%j is typed", (data) =>
    expect(isTerminalReply(data)).toBe(false),
  );
});
