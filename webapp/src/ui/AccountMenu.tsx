/** Who is logged in, the way to their account, and out. */
import type { Section } from "../state/account.ts";
import { useApp } from "./context.ts";
import { PersonIcon } from "./icons.tsx";
import { Menu, MenuItem } from "./Menu.tsx";

export function AccountMenu() {
  const app = useApp();
  const login = app.login.value;
  const name = login.name === "in" ? login.me.display_name || login.me.email || login.me.id : "";
  const go = (section: Section | null) => app.go({ view: "account", section, orgId: null });
  return (
    <Menu label="Account" icon={<PersonIcon />} testId="account-menu">
      <span class="menu-note" role="presentation">
        Logged in as <strong>{name}</strong>
      </span>
      <MenuItem testId="menu-account" onChoose={() => go(null)}>
        Account
      </MenuItem>
      {app.signIn && (
        <MenuItem testId="menu-orgs" onChoose={() => go("orgs")}>
          Organisations
        </MenuItem>
      )}
      <MenuItem testId="menu-usage" onChoose={() => go("usage")}>
        Usage
      </MenuItem>
      <MenuItem testId="menu-notifications" onChoose={() => go("notifications")}>
        Notifications
      </MenuItem>
      <MenuItem testId="logout" onChoose={() => void app.logout()}>
        Log out
      </MenuItem>
    </Menu>
  );
}
