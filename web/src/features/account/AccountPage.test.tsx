import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { configure, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { ApiError, type Profile } from "@zmarty/client";
import { beforeEach, expect, it, vi } from "vitest";
import { ThemeProvider } from "~/app/theme";
import { ToastProvider } from "~/components/toast";
import AccountPage from "./AccountPage";

const api = { get: vi.fn(), put: vi.fn() };
const auth = { updateUser: vi.fn(), signOut: vi.fn() };
const signOut = vi.fn();
vi.mock("~/api/ApiProvider", () => ({ useApi: () => api }));
vi.mock("~/auth/SessionProvider", () => ({
  useSession: () => ({ auth, signOut, email: "ada@example.com" }),
}));

const PROFILE: Profile = {
  tier: "starter",
  plan: {
    price_cap: 50,
    tokens_max: 2_000,
    symbols_max: 20,
    requests_per_minute: 30,
    concurrent_streams: 3,
    credits_monthly: 300,
    voice: true,
  },
  member_since: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-01T00:00:00Z",
  full_name: null,
  display_name: "Ada",
  avatar_url: null,
  bio: null,
  trading_experience: "expert",
  risk_tolerance: 2,
  preferred_pairs: ["BTC/USDT"],
  notification_preferences: {},
  language: "gsw",
  timezone: "Europe/Berlin",
};

let profile: () => unknown;

// Typing and looking for roles takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });
configure({ asyncUtilTimeout: 10_000 });

beforeEach(() => {
  localStorage.clear();
  profile = () => PROFILE;
  for (const call of [api.get, api.put, auth.updateUser, auth.signOut]) call.mockReset();
  api.get.mockImplementation(async (path: string) => {
    if (path === "/v1/user/profile") return profile();
    if (path === "/healthz") return { commit: "0123456789abcdef0123456789abcdef01234567" };
    return { next_monthly: { credits: 300, at: "2026-12-01T00:00:00Z" } };
  });
});

function show() {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <ThemeProvider>
      <QueryClientProvider client={cache}>
        <ToastProvider>
          <AccountPage />
        </ToastProvider>
      </QueryClientProvider>
    </ThemeProvider>,
  );
  return userEvent.setup();
}

it("shows the profile, the plan and the version", async () => {
  show();
  expect(await screen.findByDisplayValue("Ada")).toBeTruthy();
  expect(screen.getByTestId("tier").textContent).toBe("Starter");
  expect(screen.getByTestId("email").textContent).toBe("ada@example.com");
  expect((await screen.findByTestId("version")).textContent).toBe("0123456");
  // A language that is not offered by name is kept.
  expect((screen.getByLabelText("Language of answers") as HTMLSelectElement).value).toBe("gsw");
  expect(screen.getByRole("link", { name: "Charts by TradingView" })).toBeTruthy();
});

it("sends only what was changed, and says what is saved", async () => {
  api.put.mockImplementation(async (_path, { body }) => ({ ...PROFILE, ...body }));
  const user = show();
  const name = await screen.findByLabelText("Name shown");
  expect(screen.queryByText("Not saved yet")).toBeNull();
  expect((screen.getByRole("button", { name: "Save profile" }) as HTMLButtonElement).disabled).toBe(true);
  await user.clear(name);
  await user.type(name, "Lovelace");
  await user.selectOptions(screen.getByLabelText("Trading experience"), "");
  expect(screen.getByText("Not saved yet")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Save profile" }));
  await waitFor(() =>
    expect(api.put).toHaveBeenCalledWith("/v1/user/profile", {
      body: { display_name: "Lovelace", trading_experience: null },
    }),
  );
  expect(await screen.findByText("Your profile is saved.")).toBeTruthy();
  expect(screen.getByText("Saved")).toBeTruthy();
});

it("puts a refusal beside the field that it is about, and discards", async () => {
  api.put.mockRejectedValue(
    new ApiError("symbol_unsupported", "XYZ is no symbol that Zmarty knows.", 422, { symbol: "XYZ" }),
  );
  const user = show();
  const field = await screen.findByLabelText("Symbols you like");
  await user.clear(field);
  await user.type(field, "XYZ");
  await user.click(screen.getByRole("button", { name: "Save profile" }));
  expect(await screen.findByText("XYZ is no symbol that Zmarty knows.")).toBeTruthy();
  expect(field.getAttribute("aria-invalid")).toBe("true");
  expect(screen.queryByText("Your profile was not saved")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Discard" }));
  expect((field as HTMLInputElement).value).toBe("BTC/USDT");
  expect(field.getAttribute("aria-invalid")).toBeNull();
});

it("says that a profile was not saved when no field is to blame", async () => {
  api.put.mockRejectedValue(new ApiError("unreachable", "Zmarty cannot be reached.", 0));
  const user = show();
  await user.type(await screen.findByLabelText("Full name"), "Ada Lovelace");
  await user.click(screen.getByRole("button", { name: "Save profile" }));
  expect(await screen.findByText("Your profile was not saved")).toBeTruthy();
  expect(screen.getByDisplayValue("Ada Lovelace")).toBeTruthy();
});

it("shows why the profile did not come", async () => {
  profile = () => {
    throw new ApiError("forbidden", "This account no longer exists.", 403);
  };
  show();
  // In the place of the profile and in that of the plan.
  await waitFor(() => expect(screen.getAllByText("This account no longer exists.")).toHaveLength(2));
});

it("writes numbers as they are wanted", async () => {
  const user = show();
  await user.selectOptions(await screen.findByLabelText("How numbers and dates are written"), "de-DE");
  expect(screen.getByTestId("number-preview").textContent).toContain("64.250,10");
  await user.selectOptions(screen.getByLabelText("How numbers and dates are written"), "");
  expect(localStorage.getItem("zmarty-numbers")).toBeNull();
});

it("changes the password, and says beside it what is wrong with one", async () => {
  auth.updateUser
    .mockResolvedValueOnce({ data: null, error: { code: "same_password", message: "no" } })
    .mockResolvedValueOnce({ data: {}, error: null });
  const user = show();
  await user.type(await screen.findByLabelText("New password"), "correct horse");
  await user.click(screen.getByRole("button", { name: "Change password" }));
  expect(await screen.findByText("This is your password already. Choose another one.")).toBeTruthy();
  await user.type(screen.getByLabelText("New password"), " battery");
  await user.click(screen.getByRole("button", { name: "Change password" }));
  expect(await screen.findByText("Your password is changed.")).toBeTruthy();
  expect(auth.updateUser).toHaveBeenLastCalledWith({ password: "correct horse battery" });
});

it("signs out here at once, and everywhere after a question", async () => {
  auth.signOut.mockResolvedValue({ error: null });
  signOut.mockResolvedValue(undefined);
  const user = show();
  await user.click(await screen.findByRole("button", { name: "Sign out" }));
  expect(signOut).toHaveBeenCalledTimes(1);
  await user.click(screen.getByRole("button", { name: "Sign out everywhere" }));
  expect(auth.signOut).not.toHaveBeenCalled();
  const [, confirm] = await screen.findAllByRole("button", { name: "Sign out everywhere", hidden: true });
  if (confirm) await user.click(confirm);
  expect(auth.signOut).toHaveBeenLastCalledWith({ scope: "global" });
});
