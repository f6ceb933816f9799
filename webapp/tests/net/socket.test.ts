import { describe, expect, it, vi } from "vitest";
import { ReconnectingSocket } from "../../src/net/socket.ts";
import { FakeEnvironment } from "../support/environment.ts";

function build() {
  const environment = new FakeEnvironment();
  const handlers = { onOpen: vi.fn(), onMessage: vi.fn(), onDown: vi.fn() };
  const socket = new ReconnectingSocket("ws://node/ws", handlers, environment);
  return { environment, handlers, socket };
}

describe("ReconnectingSocket", () => {
  it("sends only while open", () => {
    const { environment, socket } = build();
    expect(socket.send({ a: 1 })).toBe(false);
    environment.socket.accept();
    expect(socket.send({ a: 1 })).toBe(true);
    expect(environment.socket.sent).toEqual([{ a: 1 }]);
  });

  it("hands over text and ignores binary frames", () => {
    const { environment, handlers } = build();
    environment.socket.accept();
    environment.socket.onmessage?.({ data: new ArrayBuffer(1) });
    environment.socket.receive("hello");
    expect(handlers.onMessage.mock.calls).toEqual([["hello"]]);
  });

  it("waits longer after each failure and says until when", () => {
    const { environment, socket } = build();
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      environment.socket.drop();
      const state = socket.state.value;
      if (state.name !== "waiting") throw new Error(state.name);
      waits.push(state.until - environment.now());
      environment.advance(state.until - environment.now());
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 10_000]);
    expect(environment.sockets).toHaveLength(6);
  });

  it("starts anew after a connection that lasted, not after one that broke at once", () => {
    const { environment, socket } = build();
    const wait = () => {
      const state = socket.state.value;
      return state.name === "waiting" ? state.until - environment.now() : -1;
    };
    environment.socket.drop();
    environment.advance(1000);
    environment.socket.accept();
    environment.socket.drop();
    expect(wait()).toBe(2000);
    environment.advance(2000);
    environment.socket.accept();
    environment.advance(6000);
    environment.socket.drop();
    expect(wait()).toBe(1000);
  });

  it("connects at once when asked, and only once", () => {
    const { environment, socket } = build();
    environment.socket.drop();
    socket.retryNow();
    socket.retryNow();
    expect(environment.sockets).toHaveLength(2);
    environment.advance(60_000);
    expect(environment.sockets).toHaveLength(2);
  });

  it("comes back at once when it was too slow, but backs off if that goes on", () => {
    const { environment, socket } = build();
    environment.socket.accept();
    environment.socket.drop(4008);
    environment.advance(0);
    expect(environment.sockets).toHaveLength(2);
    environment.socket.accept();
    environment.socket.drop(4008);
    expect(socket.state.value).toMatchObject({ name: "waiting", until: environment.now() + 2000 });
  });

  it("comes back at once when the wing is at another node", () => {
    const { environment } = build();
    environment.socket.accept();
    environment.socket.drop(4003);
    environment.advance(0);
    expect(environment.sockets).toHaveLength(2);
  });

  it.each([
    [4001, "login"],
    [4013, "refused"],
  ])("stops after close code %i", (code, reason) => {
    const { environment, socket, handlers } = build();
    environment.socket.accept();
    environment.socket.drop(code);
    expect(socket.state.value).toMatchObject({ name: "stopped", reason });
    expect(handlers.onDown).toHaveBeenCalledOnce();
    expect(environment.timers).toBe(0);
  });

  it("is silent after close", () => {
    const { environment, socket, handlers } = build();
    environment.socket.accept();
    const underneath = environment.socket;
    socket.close();
    underneath.drop();
    expect(underneath.closedByUs).toBe(true);
    expect(handlers.onDown).not.toHaveBeenCalled();
    expect(environment.timers).toBe(0);
  });

  it("abandons a connection that is believed dead", () => {
    const { environment, socket, handlers } = build();
    environment.socket.accept();
    const dead = environment.socket;
    socket.reset();
    dead.receive("late");
    expect(handlers.onMessage).not.toHaveBeenCalled();
    expect(handlers.onDown).toHaveBeenCalledOnce();
    expect(environment.sockets).toHaveLength(2);
  });
});
