/**
 * A locked wing as one session meets it: the token that is shown, the question for a passkey that is asked
 * before a terminal opens, its answer, and all that fails.
 */
import type { Environment } from "../net/socket.ts";
import { checkedChallenge } from "../passkey/binding.ts";
import { asProblem, PasskeyProblem } from "../passkey/problem.ts";
import { countedKeys } from "../passkey/signer.ts";
import { Box, type KeyPair } from "../protocol/box.ts";
import type { FromNode } from "../protocol/messages.ts";
import type { SessionPasskeys, StepState } from "./session-types.ts";
import { Timer } from "./timer.ts";

export interface StepEvents {
  show(at: StepState, problem: PasskeyProblem | null): void;
  send(message: object): void;
  /** Start or attach anew: the wing's next question is to be answered. */
  begin(): void;
}

interface Question {
  sessionId: string;
  challenge: Uint8Array;
  keys: readonly string[] | null;
}

/** What a wing needs to look at a signature, and far more. */
export const CHECK_MS = 15_000;
/** A click counts for the question that it brings about, if that comes within this time. */
const WANTED_MS = 20_000;

export class PasskeyStep {
  #token = "";
  #keys: KeyPair | null = null;
  #wingPublic = "";
  #question: Question | null = null;
  #prompt: AbortController | null = null;
  /** Runs while the wing has an answer of ours that it has said nothing to. */
  readonly #verdict: Timer;
  #wantedUntil = Number.NEGATIVE_INFINITY;
  /** The id that the last question came with, and those of questions before: each start has another. */
  #askedAs: string | null = null;
  readonly #spent = new Set<string>();

  constructor(
    private readonly passkeys: SessionPasskeys,
    private readonly environment: Environment,
    private readonly events: StepEvents,
  ) {
    this.#verdict = new Timer(environment);
  }

  /** Whether the wing has an answer of ours that it has said nothing to. */
  get checking(): boolean {
    return this.#verdict.running;
  }

  /** Whether `sessionId` is that of a start that was asked about and given up. */
  isSpent(sessionId: string): boolean {
    return this.#spent.has(sessionId);
  }

  /** A start or attach with these keys is about to be sent: gives its `sealed_token`. */
  sealedToken(keys: KeyPair, wingPublic: string): string {
    if (this.#askedAs !== null) this.#spent.add(this.#askedAs);
    this.#askedAs = null;
    this.#keys = keys;
    this.#wingPublic = wingPublic;
    this.#token = this.passkeys.token();
    return this.#token === "" ? "" : this.#sealer(keys).seal(new TextEncoder().encode(this.#token));
  }

  /** The wing lets us in; `sealed` is its token, if it gave one. */
  admitted(sealed: unknown): void {
    if (typeof sealed !== "string" || !this.#keys) return;
    try {
      this.passkeys.keep(new TextDecoder().decode(this.#sealer(this.#keys).open(sealed)));
    } catch (why) {
      console.info("the wing's token cannot be read, so that it will ask again:", why);
    }
  }

  /**
   * The wing asks. The person is prompted at once where they have just pressed something. Throws `Error`, with a
   * sentence, when the question is not meant for this browser.
   */
  asked(message: Extract<FromNode, { type: "passkey.challenge" }>): void {
    if (!this.#keys) return;
    this.drop();
    this.#forgetToken();
    const sessionId = message.session_id;
    this.#askedAs = sessionId;
    const challenge = checkedChallenge(message, { browserPublic: this.#keys.publicKey, wingPublic: this.#wingPublic });
    this.#question = { sessionId, challenge, keys: countedKeys(message.keys) };
    this.passkeys.prepare();
    const wanted = this.environment.now() < this.#wantedUntil;
    this.#wantedUntil = Number.NEGATIVE_INFINITY;
    if (wanted || this.passkeys.gesture()) void this.#sign(this.#question);
    else this.events.show("waiting", null);
  }

  /** The person wants to use their passkey. `tunnel`: answer through the tunnel, for who is not asked here. */
  use(tunnel: boolean): void {
    if (this.#prompt) return;
    if (tunnel) void this.#unlock();
    else if (this.#question) void this.#sign(this.#question);
    else {
      this.#wantedUntil = this.environment.now() + WANTED_MS;
      this.events.begin();
    }
  }

  /** The wing has not let us in, and asks no more. `problem` is null when it has not said why. */
  ended(problem: PasskeyProblem | null): void {
    const late = this.#prompt !== null || this.checking;
    this.drop();
    this.#forgetToken();
    this.events.show("waiting", problem ?? (late ? new PasskeyProblem("late", TOO_LATE) : null));
  }

  /** Tells the wing that no answer will come. */
  giveUp(): void {
    if (this.#question) {
      const nothing = { credential_id: "", authenticator_data: "", client_data_json: "", signature: "" };
      this.events.send({ type: "passkey.response", session_id: this.#question.sessionId, ...nothing });
    }
    this.drop();
  }

  /** The question is over, or the connection that it came by: takes the prompt away. */
  drop(): void {
    this.#prompt?.abort();
    this.#prompt = null;
    this.#question = null;
    this.#verdict.stop();
  }

  #sealer(keys: KeyPair): Box {
    return Box.between(keys, this.#wingPublic, "wt-passkey");
  }

  #forgetToken(): void {
    if (this.#token !== "") this.passkeys.refused(this.#token);
    this.#token = "";
  }

  async #sign(question: Question): Promise<void> {
    const assertion = await this.#prompted((signal) => this.passkeys.sign(question.challenge, question.keys, signal));
    if (!assertion) return;
    this.#question = null;
    this.events.send({ type: "passkey.response", session_id: question.sessionId, ...assertion });
    this.#verdict.start(CHECK_MS, () => this.events.show("waiting", new PasskeyProblem("late", NO_ANSWER)));
    this.events.show("checking", null);
  }

  async #unlock(): Promise<void> {
    const unlocked = await this.#prompted(async (signal) => {
      await this.passkeys.unlock(signal);
      return true;
    });
    if (unlocked) this.events.begin();
  }

  /** What `act` gives; null when it failed, which is shown, or when it was dropped meanwhile. */
  async #prompted<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    const prompt = new AbortController();
    this.#prompt = prompt;
    this.events.show("prompt", null);
    let result: T | null = null;
    let problem: PasskeyProblem | null = null;
    try {
      result = await act(prompt.signal);
    } catch (why) {
      problem = asProblem(why);
    }
    if (this.#prompt !== prompt) return null;
    this.#prompt = null;
    if (problem) this.events.show("waiting", problem);
    return result;
  }
}

const NO_ANSWER = "The wing does not answer. Try again.";
const TOO_LATE = "The wing does not wait for this answer any more. Try again.";
