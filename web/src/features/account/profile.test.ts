import { ApiError } from "@zmarty/client";
import { describe, expect, it } from "vitest";
import { versionOf } from "./AboutCard";
import { changedIn, faultsOf, languageName, type ProfileForm, requestOf, timezonesWith } from "./profile";

const FORM: ProfileForm = {
  display_name: "Ada",
  full_name: "",
  bio: "",
  language: "en",
  trading_experience: "",
  risk_tolerance: "",
  preferred_pairs: "",
  timezone: "UTC",
};

describe("a profile's form", () => {
  it("knows what changed; blanks around a word change nothing", () => {
    expect(changedIn({ ...FORM, display_name: " Ada " }, FORM)).toEqual([]);
    expect(changedIn({ ...FORM, language: "de", bio: "x" }, FORM)).toEqual(["bio", "language"]);
  });

  it("sends values of the API's kinds, and null for what was emptied", () => {
    const form = { ...FORM, display_name: " ", risk_tolerance: "3", preferred_pairs: "btc, ETH/USDT;  sol " };
    expect(requestOf(form, ["display_name", "risk_tolerance", "preferred_pairs"])).toEqual({
      display_name: null,
      risk_tolerance: 3,
      preferred_pairs: ["btc", "ETH/USDT", "sol"],
    });
  });

  it("puts a refusal at its field, also within a list", () => {
    const refused = (field: string) =>
      new ApiError("field_invalid", "No.", 422, { field, rule: "must be short" });
    expect(faultsOf(refused("bio"), FORM)).toEqual({ bio: "This must be short." });
    expect(faultsOf(refused("preferred_pairs.2"), FORM)).toEqual({ preferred_pairs: "This must be short." });
    expect(faultsOf(refused("tier"), FORM)).toEqual({});
    expect(faultsOf(new Error("?"), FORM)).toEqual({});
  });
});

it("languages have the name that their speakers give them", () => {
  expect(languageName("de")).toBe("Deutsch");
  expect(languageName("not a code")).toBe("not a code");
});

it("a saved time zone is always among those offered", () => {
  expect(timezonesWith("Mars/Olympus")).toContain("Mars/Olympus");
  expect(timezonesWith("UTC").filter(zone => zone === "UTC")).toHaveLength(1);
});

it("a commit is named as people name it", () => {
  expect(versionOf("0123456789abcdef0123456789abcdef01234567")).toBe("0123456");
  expect(versionOf("development")).toBe("development");
});
