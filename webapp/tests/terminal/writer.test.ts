import { beforeEach, describe, expect, it } from "vitest";
import { FrameWriter, join } from "../../src/terminal/writer.ts";
import { text, utf8 } from "../support/wing.ts";

describe("FrameWriter", () => {
  const frames: (() => void)[] = [];
  let written: [string, boolean][];
  let writer: FrameWriter;
  beforeEach(() => {
    frames.length = 0;
    written = [];
    writer = new FrameWriter(
      (bytes, replay) => written.push([text(bytes), replay]),
      (run) => frames.push(run),
    );
  });

  it("writes the first at once and the rest once a frame, in order, and marks replays", () => {
    writer.push(utf8("a"), false);
    writer.push(utf8("b"), false);
    writer.push(utf8("c"), true);
    expect(written).toEqual([["a", false]]);
    expect(frames).toHaveLength(1);
    frames.shift()?.();
    writer.push(utf8("d"), false);
    expect(written).toEqual([
      ["a", false],
      ["bc", true],
    ]);
    frames.shift()?.();
    expect(written.at(-1)).toEqual(["d", false]);
  });

  it("is at rest after a quiet frame, and then writes at once again", () => {
    writer.push(utf8("a"), false);
    frames.shift()?.();
    expect(frames).toHaveLength(0);
    writer.push(utf8("b"), false);
    expect(written).toHaveLength(2);
  });

  it("writes what waits when told, and then nothing twice", () => {
    writer.push(utf8("a"), false);
    writer.push(utf8("b"), false);
    writer.flush();
    frames.shift()?.();
    expect(written.map(([output]) => output)).toEqual(["a", "b"]);
  });
});

describe("join", () => {
  it("puts chunks together", () => {
    expect([...join([new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3])])]).toEqual([1, 2, 3]);
    expect(join([])).toHaveLength(0);
  });
});
