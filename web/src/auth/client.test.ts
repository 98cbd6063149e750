import { expect, it, vi } from "vitest";
import { authOf } from "./client";

it("shows the user's token, and the project's key alone where there is none", async () => {
  const sent: (string | null)[] = [];
  vi.stubGlobal("fetch", async (_url: string, { headers }: RequestInit) => {
    sent.push(new Headers(headers).get("authorization"));
    return new Response(JSON.stringify({ id: "u1", email: "ada@example.com" }), {
      headers: { "content-type": "application/json" },
    });
  });
  const token = `e30.${btoa(JSON.stringify({ sub: "u1", exp: 4_000_000_000 }))}.c2ln`;
  localStorage.setItem(
    "zmarty-session",
    JSON.stringify({
      access_token: token,
      refresh_token: "r",
      token_type: "bearer",
      expires_in: 3600,
      expires_at: 4_000_000_000,
      user: { id: "u1" },
    }),
  );
  const auth = authOf({ auth_url: "https://auth.test/auth/v1", publishable_key: "sb_publishable_x" });
  expect((await auth.updateUser({ password: "correct horse battery" })).error).toBeNull();
  await auth.signInWithOtp({ email: "ada@example.com" });
  expect(sent).toEqual([`Bearer ${token}`, "Bearer sb_publishable_x"]);
  vi.unstubAllGlobals();
});
