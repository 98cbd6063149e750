import { beforeEach, expect, it } from "vitest";
import { left, ownedBy } from "./owner";

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

function keep() {
  sessionStorage.setItem("zmarty-asked:c1", "a question");
  sessionStorage.setItem("zmarty-asked:c2", "another");
  sessionStorage.setItem("zmarty-admin-looks", "[]");
  localStorage.setItem("zmarty-ask", "{}");
  localStorage.setItem("zmarty-theme", "dark");
}

it("keeps what is the user's own, over a reload and a sign-in", () => {
  ownedBy("u1");
  keep();
  ownedBy("u1");
  expect(sessionStorage.getItem("zmarty-asked:c1")).toBe("a question");
  expect(localStorage.getItem("zmarty-ask")).toBe("{}");
});

it("shows nobody what another user left in the tab", () => {
  ownedBy("u1");
  keep();
  ownedBy("u2");
  expect(sessionStorage.getItem("zmarty-asked:c1")).toBeNull();
  expect(sessionStorage.getItem("zmarty-asked:c2")).toBeNull();
  expect(sessionStorage.getItem("zmarty-admin-looks")).toBeNull();
  expect(localStorage.getItem("zmarty-ask")).toBeNull();
  expect(localStorage.getItem("zmarty-theme")).toBe("dark");
});

it("keeps no question of who signed out", () => {
  ownedBy("u1");
  keep();
  left();
  expect(sessionStorage.getItem("zmarty-asked:c1")).toBeNull();
  expect(localStorage.getItem("zmarty-ask")).toBe("{}");
});
