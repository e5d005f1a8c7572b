import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoBoards, startTraining, tinyTraining, writeTrainYaml } from '../fixtures/tiny-training.js';
import { chromiumPath, launchChromium, skipReason } from './support/chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-training-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = writeTrainYaml(join(folder, 'train.yaml'), {
  ...tinyTraining,
  schedule: { epochs: 30, batchSize: 2, warmupSteps: 2, checkpointEverySteps: 1000 },
  validation: { everyEpochs: 1 },
});

/** Starts a run with a page. @returns the process and the page's address */
async function startWithPage(name: string, ...args: string[]): Promise<{ run: ChildProcess; url: string }> {
  const run = startTraining(config, ['--engine', 'wasm', '--out', join(folder, name), '--ui', ...args]);
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    run.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, address] = /training page (http:\S+)/.exec(said) ?? [];
      if (address) resolve(address);
    });
    run.on('close', () => reject(new Error(said)));
  });
  return { run, url };
}

const ended = (run: ChildProcess) => new Promise((resolve) => run.on('close', resolve));

describe.skipIf(!chromiumPath)(`the training page${skipReason}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  }, 60_000);
  afterAll(() => browser?.close());

  async function open(url: string, width = 1280): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(url);
    return { page, problems };
  }

  it('shows curves, throughput, validations and predictions while a run goes, and how it ended', async () => {
    const { run, url } = await startWithPage('whole', '--val', demoBoards);
    const { page, problems } = await open(url);
    const status = page.locator('#status');
    await expect.poll(() => status.innerText(), { timeout: 30_000 }).toMatch(/^Step \d+ of 360, epoch .* left\.$/);
    const curve = (title: string) =>
      page.locator('#curves figure', { has: page.locator('figcaption b', { hasText: title }) });
    const titles = [
      'Loss, total',
      'Mean IoU',
      'Loss, rpn.box',
      'Loss, cls',
      'Loss, reg.2',
      'Learning rate',
      'Images a second',
    ];
    for (const title of titles) {
      await curve(title).locator('canvas').waitFor();
      expect(await curve(title).locator('.values').innerText(), title).toMatch(/\d/);
    }
    await curve('AP on the validation data').locator('canvas').waitFor({ timeout: 60_000 });
    const pictures = page.locator('#pictures figure');
    await expect.poll(() => pictures.count(), { timeout: 60_000 }).toBe(8);
    expect(await pictures.first().locator('rect.truth').count()).toBeGreaterThan(0);
    await page.locator('#threshold').fill('0.05');
    const shown = await pictures.locator('rect.call').count();
    await page.locator('#threshold').fill('0.95');
    expect(await pictures.locator('rect.call').count()).toBeLessThanOrEqual(shown);
    expect(await page.locator('#threshold-value').innerText()).toBe('0.95');
    // A second visitor sees the steps before its visit.
    const late = await open(url, 400);
    await late.page.locator('#curves canvas').first().waitFor();
    const overflow = await late.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);

    run.kill('SIGINT');
    await ended(run);
    await expect.poll(() => status.innerText()).toMatch(/^Ended after step \d+ of 360: stopped, --resume goes on\.$/);
    expect([...problems, ...late.problems]).toEqual([]);
  }, 180_000);

  it('says that nothing new comes when the process is gone, and goes on with the curves of a resumed run', async () => {
    const first = await startWithPage('resumed', '--max-steps', '5', '--val', demoBoards);
    await ended(first.run);
    const { run, url } = await startWithPage('resumed', '--resume', '--val', demoBoards);
    const { page } = await open(url);
    const status = page.locator('#status');
    await expect.poll(() => status.innerText(), { timeout: 30_000 }).toMatch(/^Step (?!1 )\d+ of 360/);
    run.kill('SIGKILL');
    await ended(run);
    await expect.poll(() => status.innerText()).toMatch(/^No connection to the training process since/);
    expect(await status.getAttribute('data-state')).toBe('lost');
  }, 120_000);
});
