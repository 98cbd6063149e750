import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `make run` prints where the API is when port 8000 was taken.
const API = process.env.ZMARTY_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    sourcemap: false,
    // The policy of the page allows no data: addresses for scripts, styles and fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: {
    proxy: {
      "^/(v1|healthz|config\\.json|openapi\\.json|docs|pages)(/|$)": { target: API },
      "/chat": { target: API, bypass: request => (request.method === "POST" ? undefined : "/index.html") },
    },
  },
  test: {
    restoreMocks: true,
    testTimeout: 30_000,
    retry: 1,
    environment: "happy-dom",
    projects: [
      // A page of its own is most of what a file of tests costs: those of pure functions share one.
      { extends: true, test: { name: "pure", include: ["{src,client/src}/**/*.test.ts"], isolate: false } },
      {
        extends: true,
        test: { name: "components", include: ["src/**/*.test.tsx"], setupFiles: ["src/test/setup.ts"] },
      },
    ],
  },
});
