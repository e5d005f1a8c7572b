import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, skipReason } from './support/chromium.js';

const root = join(import.meta.dirname, '../..');
const data = `deeppcb:${join(root, 'firmware-configs/lines/demo/boards')}`;
const model = join(root, 'models/pcb-defects-nano');
const cli = join(root, 'sdk/cli/dist/main.js');

describe.skipIf(!chromiumPath)(`the report of an evaluation${skipReason}`, () => {
  let browser: Browser;
  let dir: string;
  let figures: { stats: Record<string, number>; perClass: Record<string, number> };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'plumbline-report-'));
    browser = await launchChromium();
    const common = [cli, 'eval', '--model', model, '--data', data, '--limit', '12'];
    const run = (...args: string[]) => promisify(execFile)(process.execPath, [...common, ...args]);
    const detections = join(dir, 'dt.json');
    const single = await run('--html', join(dir, 'report.html'), '--dt-out', detections, '--json');
    figures = JSON.parse(single.stdout);
    await run('--html', join(dir, 'comparison.html'), '--compare', detections);
    const inspect = [cli, 'dataset', 'inspect', data, '--html', join(dir, 'inspection.html')];
    await promisify(execFile)(process.execPath, inspect);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await rm(dir, { recursive: true });
  });

  /** Opens a report and collects everything that must not happen. */
  async function open(name: string, width = 1280): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const problems: string[] = [];
    const url = pathToFileURL(join(dir, name)).href;
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== url && !request.url().startsWith('data:')) problems.push(request.url());
    });
    await page.goto(url);
    return { page, problems };
  }

  it('opens from a file without the network and holds the figures of the JSON output', async () => {
    const { page, problems } = await open('report.html');
    const text = await page.locator('body').innerText();
    expect(text).toContain(`${(100 * figures.stats.AP!).toFixed(1)} %`);
    for (const [name, ap] of Object.entries(figures.perClass)) {
      const row = page.locator('#summary tr', { has: page.locator(`th:text-is("${name}"), td:text-is("${name}")`) });
      expect(await row.first().innerText(), name).toContain((100 * ap).toFixed(1));
    }
    const pictures = page.locator('figure svg[role=img]');
    expect(await pictures.count()).toBeGreaterThan(3);
    for (const picture of await pictures.all()) {
      expect(await picture.getAttribute('aria-label')).toMatch(/^Crop of image .+\.jpg/);
      const isDecoded = await picture
        .locator('image')
        .first()
        .evaluate(async (element) => {
          const decoded = new Image();
          decoded.src = element.getAttribute('href')!;
          await decoded.decode();
          return decoded.naturalWidth > 50;
        });
      expect(isDecoded).toBe(true);
    }
    expect(problems).toEqual([]);
    await page.close();
  });

  it('shows the curves of the chosen class and IoU', async () => {
    const { page, problems } = await open('report.html');
    const shown = page.locator('#curves g[data-class]:not(.off)');
    const before = await shown.count();
    expect(before).toBeGreaterThan(1);
    await page.locator('#curves select').first().selectOption({ label: 'short' });
    await page.locator('#curves select').last().selectOption({ label: '0.75' });
    expect(await shown.count()).toBe(1);
    expect(await page.locator('#curves [role=status]').innerText()).toContain('short');
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each(['report.html', 'comparison.html', 'inspection.html'])(
    '%s fits a narrow screen without scrolling sideways',
    async (name) => {
      const { page, problems } = await open(name, 390);
      const widths = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      expect(widths[0]).toBeLessThanOrEqual(widths[1]!);
      expect(problems).toEqual([]);
      await page.close();
    },
  );

  it('shows the boxes of a dataset by class', async () => {
    const { page, problems } = await open('inspection.html');
    const text = await page.locator('body').innerText();
    expect(text).toContain('24, of which 0 without a box');
    expect(text).toContain('Nothing is wrong with labels and images.');
    const row = page.locator('#classes tr', { has: page.locator('th:text-is("mousebite")') });
    expect(await row.innerText()).toMatch(/28\s+18\.7 %/);
    expect(await page.locator('#examples figure svg image').count()).toBe(24);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('sets two models side by side', async () => {
    const { page, problems } = await open('comparison.html');
    const text = await page.locator('body').innerText();
    expect(text).toContain('dt.json');
    expect(text).toContain('pcb-defects-nano');
    expect(problems).toEqual([]);
    await page.close();
  });
});
