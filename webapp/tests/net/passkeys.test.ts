import { describe, expect, it } from "vitest";
import { creationOptions, passkeys, registrationJson } from "../../src/net/passkeys.ts";
import { FakeServer } from "../support/server.ts";

const OPTIONS = {
  rp: { id: "wt.example", name: "wingthing" },
  user: { id: "dTE", name: "ada", displayName: "Ada" },
  challenge: "_-8A",
  pubKeyCredParams: [{ type: "public-key", alg: -7 }],
  excludeCredentials: [{ type: "public-key", id: "AQID", transports: ["usb"] }],
};

const buffer = (...bytes: number[]): ArrayBuffer => new Uint8Array(bytes).buffer;

describe("a passkey", () => {
  it.each([["plain", OPTIONS], ["wrapped", { publicKey: OPTIONS }]])("is made from %s options", (_how, answer) => {
    const options = creationOptions(answer);
    expect(options.challenge).toEqual(new Uint8Array([255, 239, 0]));
    expect(options.user).toEqual({ id: new Uint8Array([117, 49]), name: "ada", displayName: "Ada" });
    expect(options.excludeCredentials).toEqual([{ type: "public-key", id: new Uint8Array([1, 2, 3]), transports: ["usb"] }]);
    expect(options.pubKeyCredParams).toEqual(OPTIONS.pubKeyCredParams);
  });

  it.each([null, [], { user: 7 }, { ...OPTIONS, user: null }])("is not made from %j", (answer) => {
    expect(() => creationOptions(answer)).toThrow("not understood");
  });

  it("is not made from a challenge that is no base64url", () => {
    expect(() => creationOptions({ ...OPTIONS, challenge: "§" })).toThrow("base64");
  });

  it("is told to the server as WebAuthn JSON", async () => {
    const made = {
      id: "AQID",
      rawId: buffer(1, 2, 3),
      type: "public-key",
      authenticatorAttachment: "platform",
      getClientExtensionResults: () => ({ credProps: { rk: true } }),
      response: { clientDataJSON: buffer(255, 239), attestationObject: buffer(4), getTransports: () => ["internal"] },
    } as unknown as PublicKeyCredential;
    const json = {
      id: "AQID",
      rawId: "AQID",
      type: "public-key",
      authenticatorAttachment: "platform",
      clientExtensionResults: { credProps: { rk: true } },
      response: { clientDataJSON: "_-8", attestationObject: "BA", transports: ["internal"] },
    };
    expect(registrationJson(made)).toEqual(json);
    const server = new FakeServer().answers({ id: "p1", label: "" });
    await passkeys.finish(made);
    expect(server.last).toMatchObject({ path: "/api/app/passkey/register/finish", body: json });
  });

  it("is made also by a browser that does not tell the ways to reach it", () => {
    const made = {
      id: "AQ",
      rawId: buffer(1),
      type: "public-key",
      getClientExtensionResults: () => ({}),
      response: { clientDataJSON: buffer(1), attestationObject: buffer(1) },
    } as unknown as PublicKeyCredential;
    expect(registrationJson(made)).toMatchObject({ response: { transports: [] } });
  });
});
