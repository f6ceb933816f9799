/** The parts of the account pages, and which of them a server has. */

export const SECTIONS = [
  "profile",
  "sign-in",
  "devices",
  "sessions",
  "passkeys",
  "orgs",
  "usage",
  "notifications",
  "log",
  "data",
] as const;

export type Section = (typeof SECTIONS)[number];

/** What needs several people: a server without sign-in belongs to one, who came by a link. */
const OF_MANY: readonly Section[] = ["profile", "sign-in", "orgs"];

export const isSection = (name: string | undefined): name is Section => SECTIONS.some((section) => section === name);

export function sectionsOf(signIn: boolean): readonly Section[] {
  return signIn ? SECTIONS : SECTIONS.filter((section) => !OF_MANY.includes(section));
}

interface Words {
  name: string;
  about: string;
}

export const SECTION_WORDS: Record<Section, Words> = {
  profile: { name: "Profile", about: "Your name, as others see it" },
  "sign-in": { name: "Sign-in", about: "The ways by which you get in" },
  devices: { name: "Machines", about: "Machines that are logged in" },
  sessions: { name: "Browsers", about: "Browsers that are logged in" },
  passkeys: { name: "Passkeys", about: "Keys that open locked machines" },
  orgs: { name: "Organisations", about: "Share machines with your team" },
  usage: { name: "Usage", about: "What was relayed this month" },
  notifications: { name: "Notifications", about: "When a terminal wants your attention" },
  log: { name: "Log", about: "What was done with this account" },
  data: { name: "My data", about: "Take it along, or delete the account" },
};

/** Where somebody goes to sign in and comes back from to the page with this `hash`. */
export const signInPage = (hash: string): string => `/auth/login?next=${encodeURIComponent(`/app/${hash}`)}`;

/** The addresses in what was typed or pasted: one a line, or between commas, semicolons or spaces. */
export function addresses(typed: string): { good: string[]; bad: string[] } {
  const words = typed.split(/[\s,;]+/).map((word) => word.replace(/^<|>$/g, ""));
  const unique = [...new Map(words.filter(Boolean).map((word) => [word.toLowerCase(), word])).values()];
  const looksRight = (word: string) => /^[^@]+@[^@]+$/.test(word);
  return { good: unique.filter(looksRight), bad: unique.filter((word) => !looksRight(word)) };
}
