import { describe, expect, it } from "vitest";
import { refusalOf } from "./refusal";

describe("refusalOf", () => {
  it.each([
    ["invalid_credentials", "password"],
    ["user_already_exists", "email"],
    ["same_password", "password"],
    ["otp_expired", "code"],
    ["over_request_rate_limit", "form"],
    ["over_email_send_rate_limit", "form"],
    ["user_banned", "form"],
  ] as const)("puts %s beside the %s", (code, field) => {
    expect(refusalOf({ code, message: "told", status: 400 }).field).toBe(field);
  });

  it("says why a password is weak and what would do", () => {
    const refusal = refusalOf({
      name: "AuthWeakPasswordError",
      code: "weak_password",
      message: "Password should be at least 6 characters.",
      reasons: ["length"],
    });
    expect(refusal).toEqual({
      field: "password",
      text: "This password is too short. Use at least 6 characters.",
    });
  });

  it("finds the field of what is not valid", () => {
    const invalid = (message: string) => refusalOf({ code: "validation_failed", message }).field;
    expect(invalid("Unable to validate email address: invalid format")).toBe("email");
    expect(invalid("Password cannot be longer than 72 characters")).toBe("password");
    expect(invalid("something else")).toBe("form");
  });

  it("tells a server that is away from one that refuses", () => {
    expect(refusalOf({ name: "AuthRetryableFetchError", message: "fetch failed", status: 0 }).text).toContain(
      "cannot be reached",
    );
    expect(refusalOf({ message: "boom", status: 503 }).text).toContain("cannot be reached");
    expect(refusalOf({ message: "Slow down", status: 429 }).text).toContain("Too many tries");
  });

  it("repeats what it does not know", () => {
    expect(refusalOf({ code: "new_rule", message: "A new rule.", status: 400 })).toEqual({
      field: "form",
      text: "A new rule.",
    });
  });
});
