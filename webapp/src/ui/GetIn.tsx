/** What somebody sees who is not logged in, or whose server cannot be reached. */
import { signInPage } from "../state/account.ts";
import { formatRoute } from "../state/route.ts";
import { useApp } from "./context.ts";
import { WingIcon } from "./icons.tsx";

export function GetIn() {
  const app = useApp();
  const login = app.login.value;
  if (login.name === "out" && login.deleted) return <Deleted />;
  return app.signIn ? <SignInAgain /> : <WithALink />;
}

function Deleted() {
  return (
    <main class="get-in" data-testid="account-deleted">
      <span class="get-in-mark">
        <WingIcon />
      </span>
      <h1>Your account is deleted</h1>
      <p>Your machines are logged out. Programs that run in their terminals go on until they end, or are ended there.</p>
      <a class="button" href="/auth/login" data-testid="sign-in">
        Sign in with another account
      </a>
    </main>
  );
}

function SignInAgain() {
  const app = useApp();
  return (
    <main class="get-in" data-testid="get-in">
      <span class="get-in-mark">
        <WingIcon />
      </span>
      <h1>You are not logged in</h1>
      <p>Sign in to come back to this page. Your terminals go on meanwhile.</p>
      <a class="button primary" href={signInPage(formatRoute(app.route.value))} data-testid="sign-in">
        Sign in
      </a>
    </main>
  );
}

function WithALink() {
  const app = useApp();
  return (
    <main class="get-in" data-testid="get-in">
      <span class="get-in-mark">
        <WingIcon />
      </span>
      <h1>You are not logged in here</h1>
      <p>
        This page opens terminals on your machines, so it only opens to a browser that has been let in. On the machine
        that runs wingthing, type
      </p>
      <pre class="command">
        <code>wt url</code>
      </pre>
      <p>and open the link that it prints in this browser. Your terminals go on meanwhile.</p>
      <button type="button" class="button" onClick={() => void app.start()}>
        Check again
      </button>
    </main>
  );
}

export function Unreachable({ message }: { message: string }) {
  const app = useApp();
  return (
    <main class="get-in">
      <span class="get-in-mark">
        <WingIcon />
      </span>
      <h1>The server does not answer</h1>
      <p>
        It may be restarting, or this device may be offline. <span class="dim">({message})</span>
      </p>
      <button type="button" class="button primary" onClick={() => void app.start()}>
        Try again
      </button>
    </main>
  );
}
