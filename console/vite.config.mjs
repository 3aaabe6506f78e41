// The build: one page, one script, one style sheet, named by their content so that they may be cached for ever.
// Nothing may depend on the machine or the moment: a rebuild must give the same bytes, as CI compares them.
import { defineConfig } from "vite";

const api = process.env.TRUNKLINE_API ?? "http://127.0.0.1:20001";

export default defineConfig({
  // Vite alone calls the compiler by esbuild; the compiler itself only checks.
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: false,
    // The content security policy allows neither inline scripts nor fonts, so nothing may be inlined but images.
    assetsInlineLimit: 0,
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: { proxy: { "/v1": { target: api, changeOrigin: true } } },
});
