// Adds up what a browser must load before the first page shows, and refuses more than was promised.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const GZIP_BYTES_MAX = 250 * 1024;
const DIST = new URL("../dist/", import.meta.url);

const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", DIST), "utf8"));
const files = new Set();

function collect(key) {
  const chunk = manifest[key];
  if (files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const imported of chunk.imports ?? []) collect(imported);
}

// The page itself, and the one that most people open first.
collect("index.html");
for (const key of Object.keys(manifest)) if (key.endsWith("features/chat/ChatPage.tsx")) collect(key);

const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, DIST))).length, 0);
const told = `first load: ${(bytes / 1024).toFixed(1)} KiB of JavaScript (gzip) in ${files.size} files, at most ${GZIP_BYTES_MAX / 1024}`;
if (bytes > GZIP_BYTES_MAX) {
  process.stderr.write(`${told}\n`);
  process.exit(1);
}
process.stdout.write(`${told}\n`);
