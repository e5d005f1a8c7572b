import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder with the console's built page, or null when it was not installed or not built. */
export function findRendererFolder(): string | null {
  const candidates: string[] = [];
  try {
    const require = createRequire(import.meta.url);
    candidates.push(join(dirname(require.resolve('@plumbline/console/package.json')), 'dist/renderer'));
  } catch {
    // Not installed beside the daemon; it may still lie next to it in a checkout.
  }
  candidates.push(join(dirname(fileURLToPath(import.meta.url)), '../../../console/dist/renderer'));
  return candidates.find((folder) => existsSync(join(folder, 'index.html'))) ?? null;
}

/** Shown at `/` when there is no built page: says so and what still works. */
export const missingRendererPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Plumbline</title></head><body>
<h1>The console page is not built</h1>
<p>The line runs. Build the page with <code>npm run build</code> and start again;
<a href="/api/status">/api/status</a>, <a href="/healthz">/healthz</a> and <a href="/metrics">/metrics</a> work without it.</p>
</body></html>
`;
