import { describe, expect, it } from "vitest";
import { parseDashboardEvent, parseFromNode } from "../../src/protocol/messages.ts";

describe("parseFromNode", () => {
  it("takes well-formed messages, with fields it does not know", () => {
    expect(parseFromNode('{"type":"pty.output","session_id":"ab","data":"x","later":1}')).toMatchObject({ data: "x" });
    expect(parseFromNode('{"type":"wing.offline"}')).toEqual({ type: "wing.offline" });
  });

  it.each([
    "",
    "not json",
    "null",
    "[]",
    "3",
    '{"type":7}',
    '{"type":"constructor"}',
    '{"type":"unknown.type"}',
    '{"type":"pty.output","session_id":"ab"}',
    '{"type":"pty.output","session_id":1,"data":"x"}',
    '{"type":"error"}',
  ])("ignores %s", (text) => {
    expect(parseFromNode(text)).toBeNull();
  });
});

describe("parseDashboardEvent", () => {
  it("takes events", () => {
    expect(parseDashboardEvent('{"type":"session.attention","wing_id":"w","session_id":"s"}')).not.toBeNull();
    expect(parseDashboardEvent('{"type":"org.changed"}')).not.toBeNull();
    expect(parseDashboardEvent('{"type":"bandwidth.exceeded","message":"m"}')).not.toBeNull();
  });
  it("ignores an event without its wing", () => {
    expect(parseDashboardEvent('{"type":"wing.offline"}')).toBeNull();
    expect(parseDashboardEvent('{"type":"bandwidth.exceeded"}')).toBeNull();
  });
});
