import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { LICENCES } from "./licences";

function packageOf(path: string): { dependencies: Record<string, string>; license: string } {
  return JSON.parse(readFileSync(path, "utf8"));
}

it("the licences are those of what the app is made of", () => {
  const names = Object.keys(packageOf("package.json").dependencies).filter(
    name => !name.startsWith("@zmarty/"),
  );
  expect(LICENCES).toEqual(
    names.map(name => ({ name, licence: packageOf(`node_modules/${name}/package.json`).license })),
  );
});
