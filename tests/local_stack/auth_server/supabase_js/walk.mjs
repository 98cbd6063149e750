// Walks supabase-js through an account's life against the server in argv[2] and prints what it saw as one JSON object.
// Codes come from the mailbox file in argv[3], as a person would take them from a mail.
import { readFileSync } from "node:fs";
import { createClient } from "@supabase/supabase-js";

const [url, mailbox] = process.argv.slice(2);
const email = "walker@example.com";

function newClient() {
  return createClient(url, "sb_publishable_walk", {
    auth: { persistSession: false, autoRefreshToken: false },
    // Nothing here is realtime, but the client insists on a WebSocket, which Node has from 22 on only.
    realtime: { transport: globalThis.WebSocket ?? class {} },
  });
}

/** Of the web app: what it keeps outlives a page. */
function newBrowser() {
  const drawer = new Map();
  return createClient(url, "sb_publishable_walk", {
    auth: {
      flowType: "pkce",
      autoRefreshToken: false,
      storage: {
        getItem: name => drawer.get(name) ?? null,
        setItem: (name, value) => void drawer.set(name, value),
        removeItem: name => void drawer.delete(name),
      },
    },
    realtime: { transport: globalThis.WebSocket ?? class {} },
  }).auth;
}

function newestMail() {
  return JSON.parse(readFileSync(mailbox, "utf8").trim().split("\n").at(-1));
}

function must({ data, error }) {
  if (error) throw error;
  return data;
}

const { auth } = newClient();
const seen = {};

const signedUp = must(await auth.signUp({ email, password: "first password", options: { data: { name: "Walker" } } }));
seen.userId = signedUp.user.id;
seen.name = signedUp.user.user_metadata.name;

const refreshed = must(await auth.refreshSession());
seen.rotated = refreshed.session.refresh_token !== signedUp.session.refresh_token;
seen.sameUser = must(await auth.getUser()).user.id === seen.userId;
// supabase-js verifies ES256 itself, against our JWKS.
seen.claims = must(await auth.getClaims()).claims;

const changed = must(await auth.updateUser({ password: "second password", data: { theme: "dark" } }));
seen.metadata = changed.user.user_metadata;
must({ data: null, ...(await auth.signOut()) });
seen.signedOut = must(await auth.getSession()).session === null;

const weak = await newClient().auth.signUp({ email: "weak@example.com", password: "12345" });
seen.weak = { name: weak.error.name, code: weak.error.code, reasons: weak.error.reasons };
const twice = await newClient().auth.signUp({ email, password: "first password" });
seen.twice = { code: twice.error.code, status: twice.error.status };
const wrong = await auth.signInWithPassword({ email, password: "first password" });
seen.wrong = { code: wrong.error.code, status: wrong.error.status, message: wrong.error.message };
const right = must(await auth.signInWithPassword({ email, password: "second password" }));
seen.signedIn = right.user.id === seen.userId;
must({ data: null, ...(await auth.signOut({ scope: "local" })) });

must(await auth.signInWithOtp({ email, options: { shouldCreateUser: false } }));
const byCode = must(await auth.verifyOtp({ email, token: newestMail().token, type: "email" }));
seen.byCode = byCode.user.id === seen.userId;

must(await auth.resetPasswordForEmail(email));
const byHash = must(await newClient().auth.verifyOtp({ token_hash: newestMail().token_hash, type: "recovery" }));
seen.byHash = byHash.user.id === seen.userId;
const again = await newClient().auth.verifyOtp({ token_hash: newestMail().token_hash, type: "recovery" });
seen.again = again.error.code;

// A browser of the web app: the mail's link leads back with a code, which is worth nothing without the browser's own secret.
const browser = newBrowser();
must(await browser.signInWithOtp({ email, options: { emailRedirectTo: "http://127.0.0.1:5173/sign-in" } }));
const landing = await fetch(newestMail().link, { redirect: "manual" });
const code = new URL(landing.headers.get("location")).searchParams.get("code");
// Another browser that waits for a mail of its own has a secret to show, and it is the server that does not take it.
const stranger = newBrowser();
must(await stranger.signInWithOtp({ email, options: { emailRedirectTo: "http://127.0.0.1:5173/sign-in" } }));
const strange = await stranger.exchangeCodeForSession(code);
seen.strange = { code: strange.error?.code, status: strange.error?.status };
must(await browser.signInWithOtp({ email, options: { emailRedirectTo: "http://127.0.0.1:5173/sign-in" } }));
const second = await fetch(newestMail().link, { redirect: "manual" });
const exchanged = must(
  await browser.exchangeCodeForSession(new URL(second.headers.get("location")).searchParams.get("code")),
);
seen.byLink = exchanged.user.id === seen.userId;

console.log(JSON.stringify(seen));
