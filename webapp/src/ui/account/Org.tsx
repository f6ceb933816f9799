/** One organisation: who is in it, who is invited, its plan, its log, and the end of it. */
import { ApiError } from "../../net/http.ts";
import { orgLog, orgs, type Role } from "../../net/orgs.ts";
import { date } from "../../state/format.ts";
import { accountPage } from "../../state/route.ts";
import { useApp } from "../context.ts";
import { useLoaded } from "../loading.ts";
import { Log } from "./Log.tsx";
import { Invitations } from "./OrgInvites.tsx";
import { Members } from "./OrgMembers.tsx";
import { Plan } from "./OrgPlan.tsx";
import { OrgSettings } from "./OrgSettings.tsx";
import { facts, Panel, Show } from "./parts.tsx";

const YOUR_PART: Record<Role, string> = {
  owner: "You are an owner",
  admin: "You are an admin",
  member: "You are a member",
};

export function Org({ orgId }: { orgId: string }) {
  const app = useApp();
  const changes = app.orgs.changes.value;
  const loaded = useLoaded(() => orgs.get(orgId), [orgId, changes]);
  const members = useLoaded(() => orgs.members(orgId), [orgId, changes]);
  const { problem } = loaded;
  if (problem instanceof ApiError && (problem.status === 404 || problem.status === 403)) {
    return (
      <Panel testId="org-gone">
        <p>You are not in this organisation, or it is no more.</p>
        <div class="buttons">
          <a class="button" href={accountPage("orgs")}>
            Show my organisations
          </a>
        </div>
      </Panel>
    );
  }
  return (
    <Show of={loaded}>
      {(org) => {
        const manages = org.role === "owner" || org.role === "admin";
        return (
          <div class="account-org" data-testid="org-page" data-id={org.id} data-role={org.role}>
            <p class="dim">{facts(YOUR_PART[org.role], org.createdAt > 0 && `since ${date(org.createdAt)}`)}</p>
            <Panel title="Machines">
              <p class="dim">
                A machine is shared with all members while its wing runs for this organisation. On that machine, type this
                once; it is remembered there:
              </p>
              <pre class="command">
                <code data-testid="org-command">wt start --org {org.slug || org.id}</code>
              </pre>
              <div class="buttons">
                <a class="button" href="#" data-testid="org-wings">
                  Show the machines I may use
                </a>
              </div>
            </Panel>
            <Members org={org} loaded={members} />
            {manages && <Invitations org={org} />}
            <Plan org={org} onChanged={() => void app.orgs.refresh()} />
            <OrgSettings org={org} members={members.value ?? []} />
            {manages && <Log path={orgLog(org.id)} about={org.name} title="Log" step={10} version={changes} />}
          </div>
        );
      }}
    </Show>
  );
}
