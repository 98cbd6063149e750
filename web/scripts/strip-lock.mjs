// A lock file holds pins and hashes; no address of where a package, or its sponsor, was found.
import { readFileSync, writeFileSync } from "node:fs";

const LOCK = new URL("../package-lock.json", import.meta.url);

const lock = JSON.parse(readFileSync(LOCK, "utf8"));
for (const entry of Object.values(lock.packages)) {
  for (const field of ["funding", "resolved"]) if (!entry.link) delete entry[field];
  if (entry.deprecated?.includes("://")) delete entry.deprecated;
}
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
