/** Why no passkey was used, and where there is help. */
import type { PasskeyProblem } from "../passkey/problem.ts";
import { accountPage } from "../state/route.ts";

export function PasskeyTrouble({ problem }: { problem: PasskeyProblem }) {
  const register = problem.kind === "none" || problem.kind === "uncounted";
  return (
    <p class="problem" role="alert" data-testid="passkey-problem" data-kind={problem.kind}>
      {problem.message}{" "}
      {register && (
        <a href={accountPage("passkeys")} data-testid="to-passkeys">
          {problem.kind === "none" ? "Register one" : "Your passkeys"}
        </a>
      )}
    </p>
  );
}
