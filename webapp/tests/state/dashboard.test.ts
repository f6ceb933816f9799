import { describe, expect, it, vi } from "vitest";
import { Dashboard } from "../../src/state/dashboard.ts";
import { FakeEnvironment } from "../support/environment.ts";

describe("Dashboard", () => {
  it("passes events on, reports each connection and the end of the login", () => {
    const environment = new FakeEnvironment();
    const handlers = { onEvent: vi.fn(), onOpen: vi.fn(), onLoginEnded: vi.fn() };
    const dashboard = new Dashboard("ws://node/ws/app", handlers, environment);
    environment.socket.accept();
    environment.socket.receive({ type: "wing.offline", wing_id: "w" });
    environment.socket.receive("not an event");
    expect(handlers.onEvent.mock.calls).toEqual([[{ type: "wing.offline", wing_id: "w" }]]);
    environment.socket.drop();
    environment.advance(1000);
    environment.socket.accept();
    expect(handlers.onOpen).toHaveBeenCalledTimes(2);
    environment.socket.drop(4001);
    expect(handlers.onLoginEnded).toHaveBeenCalledOnce();
    expect(dashboard.state.value.name).toBe("stopped");
  });
});
