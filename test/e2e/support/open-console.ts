import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { RunPage } from '../pages/run-page.js';
import { ConsoleServer } from './console-server.js';

export const RENDERER_DIR = fileURLToPath(new URL('../../../apps/console/dist/renderer', import.meta.url));

/** One page against one played daemon. */
export interface OpenConsole {
  server: ConsoleServer;
  page: Page;
  run: RunPage;
  /** Console errors, failed requests and policy violations so far. */
  problems: string[];
  close(): Promise<void>;
}

/**
 * Opens the built page. Everything unexpected is collected in `problems`, which a spec compares with `[]`.
 * @param options.allow console errors that the spec provokes itself, each with the reason beside it in the spec
 */
export async function openConsole(
  browser: Browser,
  options: {
    prepare?: (server: ConsoleServer) => void | Promise<void>;
    query?: string;
    allow?: RegExp[];
    context?: BrowserContextOptions;
  } = {},
): Promise<OpenConsole> {
  const server = await ConsoleServer.start({ rendererDir: RENDERER_DIR });
  await options.prepare?.(server);
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    colorScheme: 'light',
    ...options.context,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  const report = (text: string) => {
    // The specs read pixels back, which the browser finds slow; the page itself never does.
    if (text.includes('willReadFrequently')) return;
    if (!options.allow?.some((allowed) => allowed.test(text))) problems.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') report(message.text());
  });
  page.on('pageerror', (error) => report(String(error)));
  page.on('requestfailed', (request) => report(`${request.url()}: ${request.failure()?.errorText}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  page.setDefaultTimeout(15_000);
  await page.goto(`${server.origin}/${options.query ?? ''}`);
  await page.locator('canvas.image').waitFor({ state: 'attached' });
  return {
    server,
    page,
    run: new RunPage(page),
    problems,
    close: async () => {
      await context.close();
      await server.close();
    },
  };
}
