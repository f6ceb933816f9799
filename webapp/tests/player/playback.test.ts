import { beforeEach, describe, expect, it } from "vitest";
import { Playback } from "../../src/player/playback.ts";

const events = [1, 2, 3, 10].map((time) => ({ time, kind: "output" as const, data: String(time) }));
let drawn: string[];
let playback: Playback;
beforeEach(() => {
  drawn = [];
  playback = new Playback(events, { reset: () => drawn.push("reset"), draw: (event) => drawn.push(event.data) });
});

describe("Playback", () => {
  it("draws what is due, at the chosen speed", () => {
    playback.play();
    playback.advance(5000);
    playback.advance(6100);
    expect(drawn).toEqual(["1"]);
    playback.speed = 2;
    playback.advance(7100);
    expect(drawn).toEqual(["1", "2", "3"]);
    expect(playback.position).toBeCloseTo(3.1);
  });

  it("stands still while paused and does not jump afterwards", () => {
    playback.play();
    playback.advance(0);
    playback.advance(1000);
    playback.pause();
    playback.advance(9000);
    playback.play();
    playback.advance(100_000);
    expect(playback.position).toBeCloseTo(1);
  });

  it("ends, and plays from the beginning again", () => {
    playback.play();
    playback.advance(0);
    playback.advance(60_000);
    expect(playback.playing).toBe(false);
    expect(playback.ended).toBe(true);
    drawn = [];
    playback.play();
    expect(drawn).toEqual(["reset"]);
    expect(playback.position).toBe(0);
  });

  it("seeks forward by drawing what lies between, backward from an empty screen", () => {
    playback.seek(3);
    expect(drawn).toEqual(["1", "2", "3"]);
    playback.seek(1.5);
    expect(drawn).toEqual(["1", "2", "3", "reset", "1"]);
    playback.seek(1000);
    expect(playback.position).toBe(10);
    playback.seek(-5);
    expect(playback.position).toBe(0);
  });

  it("changes to another timeline at the same event", () => {
    playback.seek(3);
    playback.retime(events.map((event) => ({ ...event, time: event.time / 2 })));
    expect(playback.position).toBe(1.5);
    drawn = [];
    playback.seek(playback.duration);
    expect(drawn).toEqual(["10"]);
  });

  it("takes a recording without events", () => {
    const empty = new Playback([], { reset: () => undefined, draw: () => undefined });
    empty.play();
    empty.advance(1);
    expect(empty.playing).toBe(false);
  });
});
