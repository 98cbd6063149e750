// The API as an operator's page uses it: reads, and actions that say what came of them.
import { SignInFailed } from "/pages/session.js";

export class NotOperator extends Error {}

export class OperatorApi {
  #session;
  #say;

  /** `say(text, tone)` tells the operator what an action did. */
  constructor(session, say) {
    this.#session = session;
    this.#say = say;
  }

  read(path, alsoFine = []) {
    return this.#request("GET", path, undefined, alsoFine);
  }

  /** Carry out an action while its button waits; returns the answer, or null when it was refused. */
  async act(button, path, body, told) {
    button.disabled = true;
    try {
      const answer = await this.#request("POST", path, body);
      this.#say(told(answer), "good");
      return answer;
    } catch (error) {
      this.#say(`Nothing was confirmed: ${error.message}`, "bad");
      return null;
    } finally {
      button.disabled = false;
    }
  }

  async #request(method, path, body, alsoFine = []) {
    const headers = { Authorization: `Bearer ${await this.#session.token()}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const told = await answer.json().catch(() => ({}));
    if (answer.ok || alsoFine.includes(answer.status)) return told;
    if (answer.status === 401) throw new SignInFailed("Your session has ended. Sign in again.");
    if (answer.status === 403) throw new NotOperator(told.message);
    throw new Error(told.message ?? `status ${answer.status}`);
  }
}
