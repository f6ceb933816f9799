import { describe, expect, it } from "vitest";
import {
  emptyNote,
  expandHome,
  folderToList,
  isPath,
  matchFolders,
  matchProjects,
  splitPath,
} from "../../src/state/folders.ts";

const projects = [
  { name: "api", path: "/home/a/src/api", mod_time: 1 },
  { name: "webapp", path: "/home/a/src/webapp", mod_time: 9 },
  { name: "api-docs", path: "/home/a/src/api-docs", mod_time: 5 },
];

describe("paths", () => {
  it("are told from words", () => {
    expect(["/", "~", "~/src", "/usr"].every(isPath)).toBe(true);
    expect(["", "api", "src/api"].some(isPath)).toBe(false);
  });
  it("have their home spelled out", () => {
    expect(expandHome("~", "/home/a")).toBe("/home/a");
    expect(expandHome("~/src", "/home/a")).toBe("/home/a/src");
    expect(expandHome("~other", "/home/a")).toBe("~other");
    expect(expandHome("~/src", undefined)).toBe("~/src");
  });
  it("are split where the next name begins", () => {
    expect(splitPath("/usr/lo")).toEqual({ folder: "/usr", beginning: "lo" });
    expect(splitPath("/usr/")).toEqual({ folder: "/usr", beginning: "" });
    expect(splitPath("/u")).toEqual({ folder: "/", beginning: "u" });
    expect(splitPath("~")).toEqual({ folder: "~", beginning: "" });
  });
});

describe("matchProjects", () => {
  const names = (typed: string) => matchProjects(projects, typed).map((suggestion) => suggestion.name);
  it("finds by all words, best first, then newest", () => {
    expect(names("")).toEqual(["webapp", "api-docs", "api"]);
    expect(names("api")).toEqual(["api-docs", "api"]);
    expect(names("API docs")).toEqual(["api-docs"]);
    expect(names("src web")).toEqual(["webapp"]);
    expect(names("nothing")).toEqual([]);
  });
});

describe("matchFolders", () => {
  const entries = ["src", "Sales", ".git", "notes.txt"].map((name) => ({
    name,
    path: `/${name}`,
    is_dir: name !== "notes.txt",
  }));
  const names = (beginning: string) => matchFolders(entries, beginning).map((suggestion) => suggestion.name);
  it("offers folders, hidden ones only when asked for", () => {
    expect(names("")).toEqual(["src", "Sales"]);
    expect(names("s")).toEqual(["src", "Sales"]);
    expect(names(".")).toEqual([".git"]);
    expect(names("n")).toEqual([]);
  });
});

describe("what is listed", () => {
  it("is the folder typed, and projects otherwise", () => {
    expect(folderToList("/home/a/sr", true, 3)).toEqual({ folder: "/home/a", beginning: "sr" });
    expect(folderToList("api", true, 3)).toBeNull();
    expect(folderToList("/home/a", false, 3)).toBeNull();
  });
  it("is what the wing offers on a machine without projects", () => {
    expect(folderToList("/home/a", false, 0)).toEqual({ folder: "", beginning: "" });
    expect(folderToList(" do", true, 0)).toEqual({ folder: "", beginning: "do" });
    expect(folderToList("/etc/", true, 0)).toEqual({ folder: "/etc", beginning: "" });
  });
});

describe("where nothing is listed", () => {
  const known = { hidden: false, problem: "" };
  it("it is said why", () => {
    const folder = { folder: "/a", beginning: "" };
    expect(emptyNote(null, folder)).toBe("Looking…");
    expect(emptyNote(known, folder)).toBe("No folders in here.");
    expect(emptyNote({ ...known, hidden: true }, folder)).toMatch(/^Only hidden folders here/);
    expect(emptyNote(known, { folder: "/a", beginning: "x" })).toBe("No folder there begins like this.");
    expect(emptyNote(known, { folder: "", beginning: "x" })).toMatch(/begins with . or ~/);
    expect(emptyNote({ ...known, problem: "this folder is outside of what this machine offers: /srv" }, folder)).toBe(
      "This folder is outside of what this machine offers: /srv.",
    );
    expect(emptyNote(null, null)).toMatch(/^No project matches/);
  });
});
