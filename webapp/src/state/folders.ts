/** The folder picker's thinking: what to list for what has been typed, and what to offer. */
import type { DirEntry, Project } from "../tunnel/types.ts";
import { sentence } from "./format.ts";

export interface Suggestion {
  path: string;
  name: string;
  kind: "project" | "folder";
}

const MOST = 60;

/** Whether `typed` is a path (to be completed folder by folder) and not words to find a project by. */
export const isPath = (typed: string): boolean => /^[/~]/.test(typed);

/** `typed` with `~` spelled out, where the wing told its home folder. */
export function expandHome(typed: string, home: string | undefined): string {
  if (!home || (typed !== "~" && !typed.startsWith("~/"))) return typed;
  return home + typed.slice(1);
}

/** The folder whose entries complete `path`, and the beginning of the name looked for in it. */
export function splitPath(path: string): { folder: string; beginning: string } {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return { folder: path, beginning: "" };
  return { folder: slash === 0 ? "/" : path.slice(0, slash), beginning: path.slice(slash + 1) };
}

/**
 * The folder whose entries are offered for what stands in the field, and how their names are to begin; null where
 * projects are offered. Folder "" is what the wing offers: all there is to show on a machine without projects.
 */
export function folderToList(
  path: string,
  typed: boolean,
  projects: number,
): { folder: string; beginning: string } | null {
  if (typed && isPath(path)) return splitPath(path);
  return projects === 0 ? { folder: "", beginning: typed ? path.trim() : "" } : null;
}

/** What is said where no folder is offered. `listing` is null while it is not known. */
export function emptyNote(
  listing: { hidden: boolean; problem: string } | null,
  asked: { folder: string; beginning: string } | null,
): string {
  if (!asked) return "No project matches; a path begins with / or ~.";
  if (!listing) return "Looking…";
  if (listing.problem) return sentence(listing.problem);
  if (asked.beginning) {
    return asked.folder ? "No folder there begins like this." : "No folder begins like this; a path begins with / or ~.";
  }
  return listing.hidden ? "Only hidden folders here: type a dot to see them." : "No folders in here.";
}

/** Projects whose name or path has every word typed; those whose name begins with it first. */
export function matchProjects(projects: readonly Project[], typed: string): Suggestion[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const scored = projects
    .filter((project) => words.every((word) => `${project.name} ${project.path}`.toLowerCase().includes(word)))
    .map((project) => {
      const name = project.name.toLowerCase();
      const first = words[0] ?? "";
      return { project, rank: name.startsWith(first) ? 0 : name.includes(first) ? 1 : 2 };
    });
  scored.sort((a, b) => a.rank - b.rank || (b.project.mod_time ?? 0) - (a.project.mod_time ?? 0));
  return scored
    .slice(0, MOST)
    .map(({ project }) => ({ path: project.path, name: project.name, kind: "project" as const }));
}

/** Folders of `entries` whose name begins as typed; hidden ones only when a dot was typed. */
export function matchFolders(entries: readonly DirEntry[], beginning: string): Suggestion[] {
  const wanted = beginning.toLowerCase();
  return entries
    .filter((entry) => entry.is_dir && entry.name.toLowerCase().startsWith(wanted))
    .filter((entry) => wanted.startsWith(".") || !entry.name.startsWith("."))
    .slice(0, MOST)
    .map((entry) => ({ path: entry.path, name: entry.name, kind: "folder" as const }));
}
