import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/app/",
  build: {
    outDir: "../wingthing/web/static/app",
    emptyOutDir: true,
    // The Content-Security-Policy allows no data: fonts, and the polyfill is for browsers long gone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // xterm.js and the encryption are most of it, and both are needed for the first terminal.
    chunkSizeWarningLimit: 800,
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
