import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

// The build of the page: `npx vite build --config modules/http/page/vite.config.ts`, into dist/page.
// vite wants a default export.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [preact({ devToolsEnabled: false })],
  resolve: { alias: { 'hls.js': 'hls.js/light' } },
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    chunkSizeWarningLimit: 600,
  },
});
