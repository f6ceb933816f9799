/** The members of an organisation and their roles. */
import { type Member, type Org, orgs, type Role } from "../../net/orgs.ts";
import { date } from "../../state/format.ts";
import { useApp } from "../context.ts";
import { type Loaded, useAction } from "../loading.ts";
import { Problem } from "../Problem.tsx";
import { SureButton } from "../SureButton.tsx";
import { facts, Panel, Row, Show } from "./parts.tsx";

export function Members({ org, loaded }: { org: Org; loaded: Loaded<Member[]> }) {
  const app = useApp();
  const acting = useAction();
  const login = app.login.value;
  const me = login.name === "in" ? login.me.id : "";
  const act = async (what: () => Promise<unknown>) => {
    await acting.run(what);
    await loaded.reload();
    await app.orgs.look();
  };
  // The server decides; what it would refuse is not offered. Oneself leaves, or hands over, further down.
  const mayChange = (member: Member) =>
    member.userId !== me && (org.isOwner || (org.role === "admin" && member.role === "member"));
  return (
    <Panel title="Members" testId="org-members">
      <Show of={loaded}>
        {(members) => (
          <ul class="rows">
            {members.map((member) => (
              <Row
                key={member.userId}
                testId="member"
                id={member.userId}
                title={
                  <>
                    {member.name} {member.userId === me && <span class="dim">(you)</span>}
                  </>
                }
                facts={facts(
                  member.email !== member.name && member.email,
                  member.joinedAt > 0 && `joined ${date(member.joinedAt)}`,
                )}
              >
                {mayChange(member) ? (
                  <select
                    class="small"
                    value={member.role}
                    disabled={acting.busy}
                    aria-label={`Role of ${member.name}`}
                    data-testid="member-role"
                    onChange={(event) => {
                      const to = event.currentTarget.value as Role;
                      void act(() => orgs.setRole(org.id, member.userId, to));
                    }}
                  >
                    <option value="member">member</option>
                    <option value="admin">admin</option>
                    {org.isOwner && <option value="owner">owner</option>}
                  </select>
                ) : (
                  <span class="tag" data-testid="member-role">
                    {member.role}
                  </span>
                )}
                {mayChange(member) && (
                  <SureButton
                    label="Remove"
                    sure="Remove now"
                    about={member.name}
                    testId="remove-member"
                    disabled={acting.busy}
                    onSure={() => void act(() => orgs.removeMember(org.id, member.userId))}
                  />
                )}
              </Row>
            ))}
          </ul>
        )}
      </Show>
      <p class="dim">
        Who is removed loses their open terminals on the machines of others here. Admins invite, remove members and make
        them admins; owners do everything.
      </p>
      <Problem of={acting.problem} />
    </Panel>
  );
}
