import { beforeEach, describe, expect, it } from "vitest";
import { TouchScroll } from "../../src/terminal/touch-scroll.ts";

const at = (clientY: number) => [{ clientX: 5, clientY }];
let scrolled: number[];
let finger: TouchScroll;

beforeEach(() => {
  scrolled = [];
  finger = new TouchScroll(
    () => 20,
    (lines) => scrolled.push(lines),
  );
});

describe("a finger on a terminal", () => {
  it("moves it line by line, and keeps what is less than one", () => {
    finger.start(at(300));
    for (const y of [290, 281, 279, 239, 300]) finger.move(at(y));
    expect(scrolled).toEqual([1, 2, -3]);
  });
  it("begins anew each time", () => {
    finger.start(at(300));
    finger.move(at(285));
    finger.start(at(100));
    finger.move(at(90));
    expect(scrolled).toEqual([]);
  });
  it("does nothing together with another", () => {
    finger.start([...at(300), ...at(400)]);
    finger.move([...at(200), ...at(500)]);
    finger.move(at(100));
    expect(scrolled).toEqual([]);
  });
  it("waits for a terminal that is not drawn yet", () => {
    const early = new TouchScroll(
      () => 0,
      (lines) => scrolled.push(lines),
    );
    early.start(at(300));
    early.move(at(0));
    expect(scrolled).toEqual([]);
  });
});
