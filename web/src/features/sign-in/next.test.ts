import { describe, expect, it } from "vitest";
import { askedPath, isNew, localPath, returnedFrom, stepPath } from "./next";

const ORIGIN = "https://app.example";

describe("localPath", () => {
  it.each(["/credits", "/markets/BTC-USDT/1h?tab=signals#last", "/chat/42"])("keeps %s", path => {
    expect(localPath(path, ORIGIN)).toBe(path);
  });
  it.each([
    null,
    "",
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/.//evil.example",
    "javascript:alert(1)",
    "credits",
    "/sign-in",
    "/sign-in/up",
    "/",
  ])("refuses %j", path => {
    expect(localPath(path, ORIGIN)).toBeNull();
  });
});

describe("stepPath", () => {
  it("carries the page that was asked for", () => {
    expect(stepPath("", null)).toBe("/sign-in");
    expect(stepPath("up", "/credits?x=1")).toBe("/sign-in/up?next=%2Fcredits%3Fx%3D1");
  });
});

describe("askedPath", () => {
  it("keeps the query, all the way to the page", () => {
    const asked = askedPath("/chat", "symbol=BTC%2FUSDT&ask=Why%3F");
    const query = new URLSearchParams(stepPath("", asked).split("?")[1]);
    expect(localPath(query.get("next"), ORIGIN)).toBe("/chat?symbol=BTC%2FUSDT&ask=Why%3F");
  });
  it("is nothing for the first page", () => {
    expect(askedPath("/", "")).toBeNull();
    expect(askedPath("/credits", "")).toBe("/credits");
  });
});

describe("isNew", () => {
  it("holds for an hour", () => {
    const now = new Date("2026-01-01T12:00:00Z");
    expect(isNew("2026-01-01T11:30:00Z", now)).toBe(true);
    expect(isNew("2026-01-01T10:30:00Z", now)).toBe(false);
  });
});

describe("returnedFrom", () => {
  it("says nothing when nobody came from a link", () => {
    expect(returnedFrom("?next=%2Fchat", "")).toBeNull();
  });
  it("knows a used link by the query and by the fragment", () => {
    expect(returnedFrom("?error=access_denied&error_code=otp_expired", "")?.code).toBe("otp_expired");
    expect(returnedFrom("", "#error=access_denied&error_code=otp_expired")?.text).toContain("expired");
  });
  it("knows a link that was opened in another browser", () => {
    expect(returnedFrom("?code=abc", "")?.code).toBe("other_browser");
  });
  it("knows a sign-in that was cancelled at the other site", () => {
    expect(returnedFrom("?error=access_denied", "")?.text).toContain("cancelled");
  });
  it.each(["access_denied", "server_error", "made_up"])(
    "never repeats the words of an address (%s)",
    code => {
      const told = returnedFrom(`?error=${code}&error_description=Call+555-0100`, "");
      expect(told?.text).not.toContain("555");
      expect(told?.text).toMatch(/^The sign-in (did not work|was cancelled)/);
    },
  );
});
