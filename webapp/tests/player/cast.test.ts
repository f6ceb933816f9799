import { describe, expect, it } from "vitest";
import { parseCast, parseSize, shortenPauses } from "../../src/player/cast.ts";

const header = '{"version":2,"width":80,"height":24,"timestamp":1700000000}';

describe("parseCast", () => {
  it("reads output and resizes, leaves out input", () => {
    const cast = parseCast(`${header}\n[0.5,"o","a"]\n[1,"i","x"]\n[1.5,"r","100x30"]\n`);
    expect(cast).toMatchObject({ cols: 80, rows: 24, startedAt: 1700000000, damagedLines: 0 });
    expect(cast.events).toEqual([
      { time: 0.5, kind: "output", data: "a" },
      { time: 1.5, kind: "resize", data: "100x30" },
    ]);
  });

  it("counts damaged lines and plays the rest", () => {
    const cast = parseCast(`${header}\n[1,"o","a"]\nnonsense\n{}\n[-1,"o","b"]\n[2,"o"]\n[3,"o","c"]\n[4,"o","cut o`);
    expect(cast.events.map((event) => event.data)).toEqual(["a", "c"]);
    expect(cast.damagedLines).toBe(5);
  });

  it("never goes back in time", () => {
    const cast = parseCast(`${header}\n[2,"o","a"]\n[1,"o","b"]`);
    expect(cast.events.map((event) => event.time)).toEqual([2, 2]);
  });

  it.each(["", "x", "[]", "null", '{"version":1,"width":80,"height":24}', '{"version":2,"width":0,"height":24}'])(
    "refuses the header %j",
    (text) => expect(() => parseCast(text)).toThrow(/recording/),
  );
});

describe("shortenPauses", () => {
  it("shortens long pauses only", () => {
    const events = [1, 2, 60, 61].map((time) => ({ time, kind: "output" as const, data: "" }));
    expect(shortenPauses(events, 2).map((event) => event.time)).toEqual([1, 2, 4, 5]);
  });
});

describe("parseSize", () => {
  it("takes sizes only", () => {
    expect(parseSize("120x40")).toEqual({ cols: 120, rows: 40 });
    for (const bad of ["0x1", "120", "99999x1", "-1x2", "1x2x3"]) expect(parseSize(bad)).toBeNull();
  });
});
