import { expect, it } from "vitest";
import { settingsFrom } from "./settings";

it("offers only what the server says yes to", () => {
  expect(settingsFrom({ external: { google: true, apple: false, email: true } })).toEqual({
    providers: ["google"],
    canSignUp: true,
  });
  expect(settingsFrom({ external: { google: "yes" }, disable_signup: true })).toEqual({
    providers: [],
    canSignUp: false,
  });
  expect(settingsFrom(null).providers).toEqual([]);
});
