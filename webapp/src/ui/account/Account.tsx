/** The account pages: what there is, and the page that is chosen. On a small screen one at a time. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Section, SECTION_WORDS, sectionsOf } from "../../state/account.ts";
import { accountPage, formatRoute } from "../../state/route.ts";
import { useApp } from "../context.ts";
import { useMedia } from "../hooks.ts";
import { BackIcon } from "../icons.tsx";
import { Data } from "./Data.tsx";
import { Devices } from "./Devices.tsx";
import { Log } from "./Log.tsx";
import { Notifications } from "./Notifications.tsx";
import { Org } from "./Org.tsx";
import { Orgs } from "./Orgs.tsx";
import { Passkeys } from "./Passkeys.tsx";
import { Profile } from "./Profile.tsx";
import { Sessions } from "./Sessions.tsx";
import { SignIn } from "./SignIn.tsx";
import { UsagePage } from "./UsagePage.tsx";

interface AccountProps {
  section: Section | null;
  orgId: string | null;
}

export function Account({ section, orgId }: AccountProps) {
  const app = useApp();
  const narrow = useMedia("(max-width: 760px)");
  const sections = sectionsOf(app.signIn);
  // A link to what this server has not leads to what it has.
  const asked = section !== null && sections.includes(section) ? section : null;
  const shown = asked ?? (narrow ? null : (sections[0] ?? null));
  return (
    <main class="page account" data-testid="account-page" data-section={shown ?? ""}>
      {!(narrow && shown) && <Sections sections={sections} shown={shown} about={narrow} />}
      {shown && (
        <Page section={shown} narrow={narrow} orgId={asked === "orgs" ? orgId : null}>
          <Chosen section={shown} orgId={asked === "orgs" ? orgId : null} />
        </Page>
      )}
    </main>
  );
}

interface SectionsProps {
  sections: readonly Section[];
  shown: Section | null;
  about: boolean;
}

function Sections({ sections, shown, about }: SectionsProps) {
  return (
    <nav class={about ? "account-index" : "account-nav"} aria-label="Account">
      {about && (
        <div class="page-head">
          <a class="icon-button" href={formatRoute({ view: "wings" })} aria-label="Back to the wings">
            <BackIcon />
          </a>
          <h1>Account</h1>
        </div>
      )}
      <ul>
        {sections.map((section) => (
          <li key={section}>
            <a
              href={accountPage(section)}
              aria-current={section === shown ? "page" : undefined}
              data-testid={`account-${section}`}
            >
              {SECTION_WORDS[section].name}
              {about && <small>{SECTION_WORDS[section].about}</small>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface PageProps {
  section: Section;
  narrow: boolean;
  orgId: string | null;
  children: ComponentChildren;
}

function Page({ section, narrow, orgId, children }: PageProps) {
  const app = useApp();
  const heading = useRef<HTMLHeadingElement>(null);
  const before = useRef(`${section}/${orgId ?? ""}`);
  // Who goes on by keyboard or hears the page is to be at its beginning, as with a page of its own.
  useEffect(() => {
    const now = `${section}/${orgId ?? ""}`;
    if (before.current !== now) heading.current?.focus();
    before.current = now;
  }, [section, orgId]);
  const back = orgId ? accountPage("orgs") : narrow ? accountPage(null) : "";
  return (
    <div class="account-body">
      <div class="page-head">
        {back && (
          <a class="icon-button" href={back} aria-label={orgId ? "Back to the organisations" : "Back to the account"}>
            <BackIcon />
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {orgId ? app.orgs.name(orgId) || "Organisation" : SECTION_WORDS[section].name}
        </h1>
      </div>
      {children}
    </div>
  );
}

function Chosen({ section, orgId }: { section: Section; orgId: string | null }) {
  switch (section) {
    case "profile":
      return <Profile />;
    case "sign-in":
      return <SignIn />;
    case "devices":
      return <Devices />;
    case "sessions":
      return <Sessions />;
    case "passkeys":
      return <Passkeys />;
    case "orgs":
      return orgId ? <Org key={orgId} orgId={orgId} /> : <Orgs />;
    case "usage":
      return <UsagePage />;
    case "notifications":
      return <Notifications />;
    case "log":
      return <Log path="/api/app/audit" about="this account" />;
    case "data":
      return <Data />;
  }
}
