import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Route, Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import { ToastProvider } from "~/components/toast";
import SignInPage from "./SignInPage";

const auth = {
  signInWithPassword: vi.fn(),
  signUp: vi.fn(),
  signInWithOtp: vi.fn(),
  verifyOtp: vi.fn(),
  resend: vi.fn(),
  resetPasswordForEmail: vi.fn(),
  updateUser: vi.fn(),
  signInWithOAuth: vi.fn(),
};
const known = vi.hoisted(() => ({
  session: null as null | { user: { created_at: string } },
  settings: {} as unknown,
  symbols: [] as unknown[],
}));

vi.mock("~/auth/SessionProvider", () => ({
  useSession: () => ({
    auth,
    authUrl: "http://auth.example",
    publishableKey: "key",
    session: known.session,
    email: "ada@example.com",
  }),
}));
vi.mock("~/api/ApiProvider", () => ({
  useApi: () => ({ get: async () => ({ items: known.symbols, next: null }) }),
}));

const refused = (error: object) => ({ data: { user: null, session: null }, error });
const done = { data: { user: {}, session: {} }, error: null };

beforeEach(() => {
  for (const ask of Object.values(auth)) ask.mockReset().mockResolvedValue(done);
  known.session = null;
  known.settings = { external: { email: true } };
  known.symbols = [];
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(known.settings)));
  history.replaceState(null, "", "/sign-in");
});

function open(path: string) {
  const [pathname = "", search = ""] = path.split("?");
  const location = memoryLocation({ path: pathname, searchPath: search, record: true });
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <ToastProvider>
        <Router hook={location.hook} searchHook={location.searchHook}>
          <RoutedPage />
        </Router>
      </ToastProvider>
    </QueryClientProvider>,
  );
  return location;
}

function RoutedPage() {
  return (
    <Route path="/sign-in/:step?">
      <SignInPage />
    </Route>
  );
}

function type(field: HTMLElement, value: string) {
  fireEvent.change(field, { target: { value } });
}

function press(name: string | RegExp) {
  fireEvent.click(screen.getByRole("button", { name }));
}

function fill(password?: string) {
  type(screen.getByLabelText("E-mail"), "ada@example.com");
  if (password) type(screen.getByLabelText("Password"), password);
}

describe("signing in", () => {
  it.each([
    [
      { code: "invalid_credentials", message: "Invalid login credentials", status: 400 },
      "Password",
      /not right/,
    ],
    [{ code: "validation_failed", message: "Unable to validate email address" }, "E-mail", /not an e-mail/],
  ])("says %j beside its field", async (error, label, text) => {
    auth.signInWithPassword.mockResolvedValue(refused(error));
    open("/sign-in");
    fill("wrong");
    press("Sign in");

    expect((await screen.findByRole("alert")).textContent).toMatch(text);
    expect(screen.getByLabelText(label).getAttribute("aria-invalid")).toBe("true");
  });

  it.each([
    [{ code: "over_request_rate_limit", message: "", status: 429 }, /Too many tries/],
    [{ name: "AuthRetryableFetchError", message: "Failed to fetch", status: 0 }, /cannot be reached/],
    [{ code: "user_banned", message: "User is banned", status: 400 }, /locked/],
  ])("says %j above the button", async (error, text) => {
    auth.signInWithPassword.mockResolvedValue(refused(error));
    open("/sign-in");
    fill("right enough");
    press("Sign in");

    expect((await screen.findByRole("alert")).textContent).toMatch(text);
  });

  it("asks for what is not filled in, and not the server", async () => {
    open("/sign-in");
    press("Sign in");

    expect(screen.getByRole("alert").textContent).toMatch(/enter your e-mail/);
    expect(auth.signInWithPassword).not.toHaveBeenCalled();
  });

  it("sends the confirmation again to whoever has not followed it", async () => {
    auth.signInWithPassword.mockResolvedValue(refused({ code: "email_not_confirmed", message: "" }));
    open("/sign-in");
    fill("correct horse");
    press("Sign in");
    fireEvent.click(await screen.findByRole("button", { name: "Send the mail" }));

    expect(await screen.findByLabelText("Code")).toBeTruthy();
    expect(auth.resend.mock.calls[0]?.[0]).toMatchObject({ type: "signup", email: "ada@example.com" });
  });

  it("shows the password only when asked", async () => {
    open("/sign-in");
    expect(screen.getByLabelText("Password").getAttribute("type")).toBe("password");
    press("Show the password");
    expect(screen.getByLabelText("Password").getAttribute("type")).toBe("text");
  });

  it("offers other sites only where the server has them", async () => {
    known.settings = { external: { google: true, apple: false } };
    open("/sign-in?next=%2Fcredits");
    fireEvent.click(await screen.findByRole("button", { name: "Continue with Google" }));

    expect(screen.queryByRole("button", { name: "Continue with Apple" })).toBeNull();
    expect(auth.signInWithOAuth).toHaveBeenCalledWith({
      provider: "google",
      options: { redirectTo: `${location.origin}/sign-in?next=%2Fcredits` },
    });
  });
});

describe("signing up", () => {
  it.each([
    [
      {
        name: "AuthWeakPasswordError",
        code: "weak_password",
        message: "Password should be at least 6 characters.",
        reasons: ["length"],
      },
      /too short.*at least 6/,
    ],
    [
      { code: "user_already_exists", message: "User already registered", status: 422 },
      /account with this e-mail/,
    ],
  ])("says %j", async (error, text) => {
    auth.signUp.mockResolvedValue(refused(error));
    open("/sign-in/up");
    fill("short");
    press("Create account");

    expect((await screen.findByRole("alert")).textContent).toMatch(text);
  });

  it("leads to the sign-in where an account exists, also where the server only hints at it", async () => {
    auth.signUp.mockResolvedValue({ data: { user: { identities: [] }, session: null }, error: null });
    open("/sign-in/up?next=%2Fcredits");
    fill("correct horse");
    press("Create account");

    const link = await screen.findByRole("link", { name: "Sign in instead" });
    expect(link.getAttribute("href")).toBe("/sign-in?next=%2Fcredits");
  });

  it("waits for the confirmation where the server wants one", async () => {
    auth.signUp.mockResolvedValue({ data: { user: { identities: [{}] }, session: null }, error: null });
    open("/sign-in/up");
    fill("correct horse");
    press("Create account");
    type(await screen.findByLabelText("Code"), "123 456");
    press("Continue");

    expect(auth.verifyOtp).toHaveBeenCalledWith({
      email: "ada@example.com",
      token: "123456",
      type: "signup",
    });
  });
});

describe("signing in by mail", () => {
  it("sends a link back to this site and takes its code", async () => {
    auth.verifyOtp.mockResolvedValue(refused({ code: "otp_expired", message: "expired", status: 403 }));
    open("/sign-in/code?next=%2Fmarkets");
    fill();
    press("Send me a code");
    expect(auth.signInWithOtp.mock.calls[0]?.[0].options.emailRedirectTo).toBe(
      `${location.origin}/sign-in?next=%2Fmarkets`,
    );
    type(await screen.findByLabelText("Code"), "000000");
    press("Continue");

    expect((await screen.findByRole("alert")).textContent).toMatch(/wrong or has expired/);
    expect(screen.getByRole("button", { name: /Send again in/ }).hasAttribute("disabled")).toBe(true);
  });

  it("says how often mails are sent", async () => {
    auth.signInWithOtp.mockResolvedValue(
      refused({ code: "over_email_send_rate_limit", message: "", status: 429 }),
    );
    open("/sign-in/code");
    fill();
    press("Send me a code");

    expect((await screen.findByRole("alert")).textContent).toMatch(/Too many mails/);
  });
});

describe("a forgotten password", () => {
  it("sends a link that leads to the new password", async () => {
    const place = open("/sign-in/forgot");
    fill();
    press("Send the mail");
    expect(auth.resetPasswordForEmail).toHaveBeenCalledWith("ada@example.com", {
      redirectTo: `${location.origin}/sign-in/new-password`,
    });

    type(await screen.findByLabelText("Code"), "123456");
    press("Continue");
    await waitFor(() => expect(place.history.at(-1)).toBe("/sign-in/new-password"));
  });

  it("takes no new password from somebody without a session", () => {
    open("/sign-in/new-password");
    expect(screen.getByRole("link", { name: "Send me the mail" })).toBeTruthy();
  });

  it("saves the new password and goes on", async () => {
    known.session = { user: { created_at: "2020-01-01T00:00:00Z" } };
    const place = open("/sign-in/new-password?next=%2Fcredits");
    type(screen.getByLabelText("New password"), "battery staple");
    press("Save the password");

    await waitFor(() => expect(place.history.at(-1)).toBe("/credits"));
  });

  it("refuses the old password", async () => {
    known.session = { user: { created_at: "2020-01-01T00:00:00Z" } };
    auth.updateUser.mockResolvedValue(refused({ code: "same_password", message: "", status: 422 }));
    open("/sign-in/new-password");
    type(screen.getByLabelText("New password"), "the old one");
    press("Save the password");

    expect((await screen.findByRole("alert")).textContent).toMatch(/already/);
  });
});

describe("after signing in", () => {
  it("goes to the page that was asked for", async () => {
    known.session = { user: { created_at: "2020-01-01T00:00:00Z" } };
    const place = open("/sign-in?next=%2Fcredits");
    await waitFor(() => expect(place.history.at(-1)).toBe("/credits"));
  });

  it("leads nowhere else", async () => {
    known.session = { user: { created_at: "2020-01-01T00:00:00Z" } };
    known.symbols = [{}];
    const place = open("/sign-in?next=https%3A%2F%2Fevil.example");
    await waitFor(() => expect(place.history.at(-1)).toBe("/chat"));
  });

  it("welcomes whoever has just signed up and watches nothing", async () => {
    known.session = { user: { created_at: new Date().toISOString() } };
    const place = open("/sign-in?next=%2Fcredits");
    await waitFor(() => expect(place.history.at(-1)).toBe("/welcome"));
  });
});

it("says why a link did not work", () => {
  history.replaceState(null, "", "/sign-in?error=access_denied&error_code=otp_expired");
  open("/sign-in");
  expect(screen.getByText(/expired or was used already/)).toBeTruthy();
});
