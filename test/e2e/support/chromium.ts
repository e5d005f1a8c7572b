import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright';

const NAMED = process.env.PLUMBLINE_CHROMIUM;
const CANDIDATES = NAMED
  ? [NAMED]
  : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'];

/** Path of an installed Chromium or Chrome; null when there is none. */
export const chromiumPath: string | null = CANDIDATES.find((path) => existsSync(path)) ?? null;

export const CHROMIUM_MISSING =
  'no Chromium was found; `apt-get install chromium` brings it, or set PLUMBLINE_CHROMIUM to one';

/** Why browser specs are skipped, for their titles; empty where they run. */
export const skipReason = chromiumPath ? '' : ` (skipped: ${CHROMIUM_MISSING})`;
if (!chromiumPath) process.stderr.write(`Browser specs are skipped: ${CHROMIUM_MISSING}\n`);

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? undefined,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
