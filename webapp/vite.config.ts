import { defineConfig } from "vitest/config";

/** The server's plain pages (wingthing/web/static/pages.css) use these too and name them by hand. */
const SHARED_FONTS = ["inter-latin-wght-normal.woff2", "jetbrains-mono-latin-wght-normal.woff2"];

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
    rolldownOptions: {
      output: {
        assetFileNames: ({ names }) =>
          names.some((name) => SHARED_FONTS.includes(name)) ? "assets/[name]-1[extname]" : "assets/[name]-[hash][extname]",
      },
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
