import { expect, it } from "vitest";
import { apiUrlOf } from "./config";

const ASKED = new URL("https://api.example.com");

it.each([
  ["https://api.example.com", "https://api.example.com"],
  // A proxy in front of the API ended TLS, and the API did not know.
  ["http://api.example.com", "https://api.example.com"],
  ["", "https://api.example.com"],
  ["https://eu.api.example.com", "https://eu.api.example.com"],
])("the API that calls itself %j is asked at %s", (told, url) => {
  expect(apiUrlOf(told, ASKED)).toBe(url);
});
