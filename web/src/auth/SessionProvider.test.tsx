import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import type { Client, Config } from "@zmarty/client";
import { beforeEach, expect, it, vi } from "vitest";
import { ApiProvider, useApi } from "~/api/ApiProvider";
import { SessionProvider, useSession } from "./SessionProvider";

type Told = (event: string, session: object | null) => void;

let tell: Told;
const auth = vi.hoisted(() => ({ onAuthStateChange: vi.fn(), getSession: vi.fn(), signOut: vi.fn() }));
vi.mock("./client", async original => ({
  ...(await original<typeof import("./client")>()),
  authOf: () => auth,
}));

const CONFIG = { auth_url: "https://auth.test", publishable_key: "k", api_url: "" } as Config;
const sessionOf = (id: string) => ({ access_token: `token of ${id}`, user: { id, app_metadata: {} } });
const AWAY = new Error("the auth server is away");

const seen = {
  apis: new Set<Client>(),
  signOut: async () => {},
  accessToken: async () => "" as string | null,
};
function Page() {
  const { userId, signOut, accessToken } = useSession();
  seen.apis.add(useApi());
  Object.assign(seen, { signOut, accessToken });
  return <p>{userId ?? "nobody"}</p>;
}

beforeEach(() => {
  sessionStorage.clear();
  seen.apis.clear();
  auth.onAuthStateChange.mockImplementation((told: Told) => {
    tell = told;
    return { data: { subscription: { unsubscribe: () => {} } } };
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider config={CONFIG}>
        <ApiProvider apiUrl="">
          <Page />
        </ApiProvider>
      </SessionProvider>
    </QueryClientProvider>,
  );
  act(() => tell("INITIAL_SESSION", sessionOf("u1")));
});

it("keeps the client of the API when the same session is told anew", () => {
  act(() => tell("SIGNED_IN", sessionOf("u1")));
  act(() => tell("TOKEN_REFRESHED", sessionOf("u1")));
  expect(seen.apis.size).toBe(1);
});

it("sends nothing without the token that could not be renewed", async () => {
  auth.getSession.mockResolvedValue({ data: { session: null }, error: AWAY });
  await expect(seen.accessToken()).rejects.toBe(AWAY);
  auth.getSession.mockResolvedValue({ data: { session: sessionOf("u1") }, error: null });
  expect(await seen.accessToken()).toBe("token of u1");
});

it("signs out here although the auth server is away", async () => {
  localStorage.setItem("zmarty-session", "{}");
  sessionStorage.setItem("zmarty-asked:c1", "a question");
  auth.signOut.mockResolvedValue({ error: AWAY });
  await act(() => seen.signOut());
  expect(screen.getByText("nobody")).toBeTruthy();
  expect(localStorage.getItem("zmarty-session")).toBeNull();
  expect(sessionStorage.getItem("zmarty-asked:c1")).toBeNull();
});

it("shows the next user nothing that was asked before", () => {
  sessionStorage.setItem("zmarty-asked:c1", "a question");
  act(() => tell("SIGNED_IN", sessionOf("u2")));
  expect(screen.getByText("u2")).toBeTruthy();
  expect(sessionStorage.getItem("zmarty-asked:c1")).toBeNull();
});
