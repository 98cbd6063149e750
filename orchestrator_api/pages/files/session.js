// Signs in at the auth server and keeps the session: the access token in memory, the refresh token for this tab only.

const REFRESH_KEY = "zmarty.refresh";
const EARLY_SECONDS = 30;

export class SignInFailed extends Error {}

export class Session {
  #config;
  #token = null;
  #expiresAt = 0;
  #refreshing = null;
  email = "";

  constructor(config) {
    this.#config = config;
  }

  get canResume() {
    return sessionStorage.getItem(REFRESH_KEY) !== null;
  }

  async signIn(email, password) {
    await this.#grant("password", { email, password });
  }

  signOut() {
    const token = this.#token;
    this.#token = null;
    sessionStorage.removeItem(REFRESH_KEY);
    // The server forgets the session too; whether it answers changes nothing for this page.
    if (token) fetch(`${this.#config.auth_url}/logout?scope=local`, { method: "POST", headers: this.#headers(token) }).catch(() => {});
  }

  /** A token that is good for some seconds more, refreshed when needed; concurrent callers share one refresh. */
  async token() {
    if (this.#token && Date.now() / 1000 < this.#expiresAt - EARLY_SECONDS) return this.#token;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    await this.#refreshing;
    return this.#token;
  }

  async #refresh() {
    const refreshToken = sessionStorage.getItem(REFRESH_KEY);
    if (!refreshToken) throw new SignInFailed("Sign in to go on.");
    await this.#grant("refresh_token", { refresh_token: refreshToken });
  }

  async #grant(kind, body) {
    const answer = await fetch(`${this.#config.auth_url}/token?grant_type=${kind}`, {
      method: "POST",
      headers: { ...this.#headers(), "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.status >= 500) throw new Error("the auth server does not answer");
    const session = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      sessionStorage.removeItem(REFRESH_KEY);
      this.#token = null;
      if (kind !== "password") throw new SignInFailed("Your session has ended. Sign in again.");
      const isWrong = session.error_code === "invalid_credentials" || session.error === "invalid_grant";
      throw new SignInFailed(isWrong ? "That email and password do not match." : (session.msg ?? "The auth server refused to sign you in."));
    }
    this.#token = session.access_token;
    this.#expiresAt = Date.now() / 1000 + session.expires_in;
    this.email = session.user?.email ?? this.email;
    sessionStorage.setItem(REFRESH_KEY, session.refresh_token);
  }

  #headers(token) {
    return {
      ...(this.#config.publishable_key ? { apikey: this.#config.publishable_key } : {}),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    };
  }
}
