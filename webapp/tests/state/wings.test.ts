import { beforeEach, describe, expect, it, vi } from "vitest";
import { newKeyPair } from "../../src/protocol/box.ts";
import { SessionIndex } from "../../src/state/session-index.ts";
import { MemoryStore } from "../../src/state/storage.ts";
import { TrustStore } from "../../src/state/trust.ts";
import { newWing, shortPath, sortWings, wingName } from "../../src/state/wing.ts";
import { WingsStore } from "../../src/state/wings.ts";
import { TunnelClient } from "../../src/tunnel/client.ts";
import { FakeEnvironment } from "../support/environment.ts";
import { FakeWing, text, utf8, WING_ID } from "../support/wing.ts";

let environment: FakeEnvironment;
let store: MemoryStore;
let wing: FakeWing;
let index: SessionIndex;

beforeEach(() => {
  environment = new FakeEnvironment();
  store = new MemoryStore();
  wing = new FakeWing();
});

function build(): WingsStore {
  index = new SessionIndex(store);
  return new WingsStore({
    store,
    trust: new TrustStore(store),
    index,
    newTunnel: (id, key) => new TunnelClient(id, key, newKeyPair(), "ws://node/ws/relay", environment, () => undefined),
  });
}

const listed = () => [{ wing_id: WING_ID, public_key: wing.publicKey }];
const ME = "me";
const SESSIONS = [{ session_id: "cafe0001", agent: "shell", cwd: "/src" }];

/** Answers everything that was asked on the last socket. */
function answer(): void {
  if (environment.socket.readyState === 0) environment.socket.accept();
  for (const asked of environment.socket.sent.splice(0)) {
    const box = wing.box(asked.sender_pub, "wt-tunnel");
    const { type } = JSON.parse(text(box.open(String(asked.payload)))) as { type: string };
    const reply = type === "wing.info" ? { hostname: "studio", agents: null } : { sessions: SESSIONS };
    const payload = box.seal(utf8(JSON.stringify(reply)));
    environment.socket.receive({ type: "tunnel.res", request_id: asked.request_id, payload });
  }
}

async function probed(): Promise<WingsStore> {
  const wings = build();
  wings.applyList(listed());
  const probe = wings.probe(WING_ID);
  answer();
  await probe;
  return wings;
}

describe("WingsStore", () => {
  it("probes through the tunnel and keeps the answer for the next visit", async () => {
    const wings = await probed();
    expect(wings.find(WING_ID)).toMatchObject({ online: true, probe: "ok", sessions: SESSIONS, problem: null });
    expect(index.wingOf("cafe0001")).toBe(WING_ID);
    const next = build();
    expect(next.find(WING_ID)).toMatchObject({ online: false, info: { hostname: "studio" }, sessions: SESSIONS });
    expect(next.listed.value).toBe(false);
  });

  it("says what went wrong with a probe", async () => {
    const wings = build();
    wings.applyList(listed());
    const probe = wings.probe(WING_ID);
    expect(wings.find(WING_ID)?.probe).toBe("probing");
    environment.socket.accept();
    environment.advance(20_000);
    await probe;
    expect(wings.find(WING_ID)).toMatchObject({ probe: "failed", problem: "The wing does not answer." });
  });

  it("hides what a locked wing told before, and asks on without a word until it opens", async () => {
    const wings = await probed();
    const refuse = (error: object) => {
      for (const asked of environment.socket.sent.splice(0)) {
        const payload = wing.box(asked.sender_pub, "wt-tunnel").seal(utf8(JSON.stringify(error)));
        environment.socket.receive({ type: "tunnel.res", request_id: asked.request_id, payload });
      }
    };
    const probe = async (error: object) => {
      const probing = wings.probe(WING_ID);
      refuse(error);
      await probing;
    };
    await probe({ error: "passkey_required", hostname: "renamed", platform: 7, locked: true });
    expect(wings.find(WING_ID)).toMatchObject({ probe: "locked", problem: null, sessions: [] });
    expect(wings.find(WING_ID)?.info).toEqual({ hostname: "renamed", agents: null, locked: true });
    const again = wings.probe(WING_ID);
    expect(wings.find(WING_ID)?.probe).toBe("locked");
    refuse({ error: "not_allowed" });
    await again;
    expect(wings.find(WING_ID)).toMatchObject({ probe: "refused", problem: null });
    const open = wings.probe(WING_ID);
    answer();
    await open;
    expect(wings.find(WING_ID)).toMatchObject({ probe: "ok", sessions: SESSIONS, info: { hostname: "studio" } });
  });

  it("follows the events", async () => {
    const wings = await probed();
    wings.applyEvent({ type: "wing.offline", wing_id: WING_ID }, ME);
    expect(wings.find(WING_ID)?.online).toBe(false);
    expect(wings.tunnel(WING_ID)).toBeNull();
    wings.applyEvent({ type: "wing.online", wing_id: WING_ID, public_key: wing.publicKey }, ME);
    expect(wings.find(WING_ID)?.online).toBe(true);
    wings.applyList([]);
    expect(wings.find(WING_ID)?.online).toBe(false);
  });

  it("has no tunnel to a wing whose key changed, until that is accepted", async () => {
    const wings = await probed();
    const known = wing.publicKey;
    wing = new FakeWing();
    wings.applyEvent({ type: "wing.online", wing_id: WING_ID, public_key: wing.publicKey }, ME);
    expect(wings.find(WING_ID)?.keyChange).toEqual({ known, offered: wing.publicKey });
    expect(wings.tunnel(WING_ID)).toBeNull();
    const sockets = environment.sockets.length;
    await wings.probe(WING_ID);
    expect(environment.sockets).toHaveLength(sockets);
    wings.acceptKey(WING_ID, wing.publicKey);
    expect(wings.find(WING_ID)?.keyChange).toBeNull();
    answer();
    await vi.waitFor(() => expect(wings.find(WING_ID)?.probe).toBe("ok"));
  });

  it("remembers the warning over a reload", async () => {
    await probed();
    wing = new FakeWing();
    const wings = build();
    wings.applyList(listed());
    expect(wings.find(WING_ID)?.keyChange).not.toBeNull();
  });

  it("takes a terminal's word that the key changed", async () => {
    const wings = await probed();
    wings.keyOffered(WING_ID, wing.publicKey);
    expect(wings.find(WING_ID)?.keyChange).toBeNull();
    wings.keyOffered(WING_ID, "another");
    expect(wings.find(WING_ID)?.keyChange?.offered).toBe("another");
  });

  it("says that a wing has no key, or none that can be used", async () => {
    const wings = build();
    wings.applyList([{ wing_id: WING_ID, public_key: "" }]);
    await wings.probe(WING_ID);
    expect(wings.find(WING_ID)?.problem).toMatch(/no encryption key/);
    wings.applyList([{ wing_id: "ff00", public_key: "AAAA" }]);
    await wings.probe("ff00");
    expect(wings.find("ff00")?.problem).toMatch(/not usable/);
  });

  it("measures, marks attention, removes sessions and forgets", async () => {
    const wings = await probed();
    const measured = wings.measure(WING_ID);
    environment.advance(7);
    answer();
    expect(await measured).toBe(true);
    expect(wings.find(WING_ID)?.roundTripMs).toBe(7);
    wings.setAttention(WING_ID, "cafe0001", true);
    expect(wings.find(WING_ID)?.sessions[0]?.needs_attention).toBe(true);
    wings.removeSession(WING_ID, "cafe0001");
    expect(wings.find(WING_ID)?.sessions).toEqual([]);
    wings.forget(WING_ID);
    expect(build().find(WING_ID)).toBeUndefined();
  });

  it("starts empty when its cache is damaged", () => {
    for (const damaged of ["{}", "[1,null,{}]", "["]) {
      store.setItem("wt.wings", damaged);
      expect(build().wings.value).toEqual([]);
    }
  });
});

describe("a wing that is shared", () => {
  it("names its organisation and whose it is, also from the cache", () => {
    const wings = build();
    wings.applyList([{ wing_id: WING_ID, public_key: wing.publicKey, org_id: "o1", owner: "Ada" }]);
    expect(wings.find(WING_ID)).toMatchObject({ orgId: "o1", owner: "Ada" });
    expect(build().find(WING_ID)).toMatchObject({ orgId: "o1", owner: "Ada" });
  });
  it("is shared no more when the server says nothing of it", () => {
    const wings = build();
    wings.applyList([{ wing_id: WING_ID, public_key: wing.publicKey, org_id: "o1" }]);
    wings.applyList([{ wing_id: WING_ID, public_key: wing.publicKey }]);
    expect(wings.find(WING_ID)?.orgId).toBe("");
  });

  it("says whose it is and where it is shared as soon as it comes online", () => {
    const wings = build();
    const online = { type: "wing.online", wing_id: WING_ID, public_key: wing.publicKey } as const;
    wings.applyEvent({ ...online, user_id: "ada", owner: "Ada", org_id: "o1" }, ME);
    expect(wings.find(WING_ID)).toMatchObject({ ownerId: "ada", owner: "Ada", orgId: "o1" });
    wings.applyEvent(online, ME);
    expect(wings.find(WING_ID)).toMatchObject({ ownerId: "ada", owner: "Ada", orgId: "o1" });
    wings.applyEvent({ ...online, user_id: "ada", owner: "ada", org_id: "o1" }, ME);
    expect(wings.find(WING_ID)?.owner, "no name of a person").toBe("Ada");
    wings.applyEvent({ ...online, user_id: ME, owner: "Me", org_id: "" }, ME);
    expect(wings.find(WING_ID)).toMatchObject({ ownerId: ME, owner: "", orgId: "" });
  });

  it("leaves the list with the organisation, but for those that are one's own or online", () => {
    const wings = build();
    const key = wing.publicKey;
    const theirs = (id: string, orgId: string) => ({ wing_id: id, public_key: key, org_id: orgId, owner: "Ada" });
    const others = [theirs("a1", "o1"), theirs("a2", "o2"), theirs("a3", "o1"), theirs("a4", "")];
    wings.applyList([...others, { wing_id: "mine", public_key: key, org_id: "o1" }]);
    wings.applyList([theirs("a3", "o1")]);
    wings.leave(["o1", "o2"]);
    expect(wings.wings.value.map(({ id }) => id)).toEqual(["a1", "a2", "a3", "mine"]);
    wings.leave(["o2"]);
    expect(wings.wings.value.map(({ id }) => id)).toEqual(["a2", "a3", "mine"]);
    expect(build().find("a1")).toBeUndefined();
    wing = new FakeWing();
    wings.applyList([{ ...theirs("a1", "o1"), public_key: wing.publicKey }]);
    expect(wings.find("a1")?.keyChange, "its key is still known").not.toBeNull();
  });
});

describe("names and order", () => {
  it("prefers the label given here, then the wing's, then the machine's", () => {
    const plain = newWing("aabbccddeeff", "k");
    expect(wingName(plain)).toBe("wing aabbccdd");
    expect(wingName({ ...plain, info: { hostname: "h" } })).toBe("h");
    expect(wingName({ ...plain, info: { hostname: "h", wing_label: "w" } })).toBe("w");
    expect(wingName({ ...plain, label: "mine", info: { hostname: "h" } })).toBe("mine");
  });
  it("puts online wings first", () => {
    const [a, b] = [newWing("a", "k"), { ...newWing("b", "k"), online: true }];
    expect(sortWings([a, b]).map((one) => one.id)).toEqual(["b", "a"]);
  });
  it("shortens the home folder", () => {
    expect(shortPath("/home/a/src", "/home/a")).toBe("~/src");
    expect(shortPath("/home/a", "/home/a")).toBe("~");
    expect(shortPath("/home/ab", "/home/a")).toBe("/home/ab");
    expect(shortPath("/x", "/")).toBe("/x");
  });
});

describe("the terminals alone", () => {
  it("are asked for without all the rest", async () => {
    const wings = await probed();
    const asking = wings.refreshSessions(WING_ID);
    expect(environment.socket.sent).toHaveLength(1);
    const { request_id, sender_pub } = environment.socket.last("tunnel.req");
    const stopped = [{ ...SESSIONS[0], recording_error: "the recording has stopped: disk full" }];
    const payload = wing.box(sender_pub, "wt-tunnel").seal(utf8(JSON.stringify({ sessions: stopped })));
    environment.socket.receive({ type: "tunnel.res", request_id, payload });
    await asking;
    expect(wings.find(WING_ID)?.sessions).toEqual(stopped);
  });

  it("stay as they were when the wing does not answer", async () => {
    const wings = await probed();
    const asking = wings.refreshSessions(WING_ID);
    environment.advance(60_000);
    await asking;
    expect(wings.find(WING_ID)?.sessions).toEqual(SESSIONS);
  });
});
