import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Relative asset addresses: the same build is served by the daemon at `/` and by the shell as app://console/.
// Nothing is inlined, so that `script-src 'self'` and `style-src 'self'` hold.
export default defineConfig({
  root: 'src/renderer',
  base: './',
  plugins: [react()],
  build: {
    outDir: '../../dist/renderer',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
