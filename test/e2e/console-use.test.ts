import type { Browser, BrowserContextOptions } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, skipReason } from './support/chromium.js';
import { BOARD_DETECTIONS, makeBoardJpeg, makeHeader, makeJpeg, makeStatus } from './support/mock-line.js';
import { type OpenConsole, openConsole } from './support/open-console.js';

let browser: Browser;
let jpeg: Uint8Array;
let thumb: Uint8Array;
let open: OpenConsole | undefined;

describe.skipIf(!chromiumPath)(`working with the console${skipReason}`, () => {
  beforeAll(async () => {
    browser = await launchChromium();
    jpeg = await makeBoardJpeg();
    thumb = await makeJpeg('#2040c0', { width: 320, height: 320 });
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    const problems = open?.problems;
    await open?.close();
    open = undefined;
    expect(problems).toEqual([]);
  });

  async function openNg(options: { query?: string; context?: BrowserContextOptions } = {}): Promise<OpenConsole> {
    open = await openConsole(browser, {
      ...options,
      prepare: (server) => {
        for (let i = 0; i < 3; i += 1) {
          const header = makeHeader({
            type: 'ng',
            frameId: `ng-${i}`,
            resultEvaluation: 2,
            preview: { width: 320, height: 320 },
            detections: [BOARD_DETECTIONS[i]!],
          });
          server.send({ header, jpeg: thumb });
        }
        server.play({ resultEvaluation: 2, detections: [...BOARD_DETECTIONS] }, jpeg);
      },
    });
    await open.run.untilWord('NG');
    await open.run.untilFilm(3);
    return open;
  }
  const untilFrame = (id: string) =>
    open!.page.waitForFunction(
      (frame) => document.querySelector<HTMLElement>('canvas.image')?.dataset.frame === frame,
      id,
    );

  it('arrows and N walk through the NG parts, each with its own picture and boxes; Live returns', async () => {
    const { run, page } = await openNg();
    await page.keyboard.press('ArrowRight');
    await untilFrame('ng-2');
    await page.keyboard.press('n');
    await untilFrame('ng-1');
    await page.keyboard.press('ArrowRight');
    await untilFrame('ng-0');
    expect(await run.detections.allInnerTexts()).toEqual([expect.stringMatching(/1\s+open\s+0\.98/)]);
    const { rgb, overlay } = await run.readCanvas(0.05, 0.05);
    expect(rgb[2]! - rgb[0]!).toBeGreaterThan(80);
    expect(overlay).toBe('ng-0');
    await run.untilPicture('frozen');
    await page.keyboard.press('ArrowLeft');
    await untilFrame('ng-1');
    await run.button('Live').click();
    await run.untilPicture('live');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="detection"]').length === 8);
  });

  it('touching a part in the filmstrip shows it', async () => {
    const { run } = await openNg();
    await run.filmItems.nth(2).click();
    await untilFrame('ng-0');
    expect(await run.filmItems.nth(2).getAttribute('aria-current')).toBe('true');
  });

  it('B hides and shows the boxes; the list stays', async () => {
    const { run, page } = await openNg();
    expect(await run.overlayInk()).toBeGreaterThan(1000);
    await page.keyboard.press('b');
    await page.locator('button[aria-pressed="false"]', { hasText: 'Boxes' }).waitFor();
    await page.waitForFunction(() => {
      const overlay = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
      return overlay
        .getContext('2d')!
        .getImageData(0, 0, overlay.width, overlay.height)
        .data.every((v) => v === 0);
    });
    expect(await run.detections.count()).toBe(8);
    await page.keyboard.press('b');
    await page.locator('button[aria-pressed="true"]', { hasText: 'Boxes' }).waitFor();
  });

  it('+ - 0 zoom the picture, dragging moves it', async () => {
    const { run, page } = await openNg();
    expect(await run.zoom.innerText()).toBe('Fit');
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    expect(await run.zoom.innerText()).toBe('200 %');
    await page.keyboard.press('-');
    expect(await run.zoom.innerText()).toBe('150 %');
    const box = (await run.well.boundingBox())!;
    const before = await run.page.locator('canvas.image').screenshot();
    await page.mouse.move(box.x + 200, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + 120, box.y + 200, { steps: 4 });
    await page.mouse.up();
    const after = await run.page.locator('canvas.image').screenshot();
    expect(after.equals(before)).toBe(false);
    await page.keyboard.press('0');
    expect(await run.zoom.innerText()).toBe('Fit');
  });

  it('choosing a detection in the list names its place', async () => {
    const { run, page } = await openNg();
    await run.detections.nth(6).getByRole('button').click();
    await page.locator('[data-testid="detection"]:nth-child(7)[data-selected]').waitFor();
    expect(await page.locator('.dl .ft').innerText()).toContain('mousebite · 52 × 81 px at 308, 334');
  });

  it('destinations that are not there yet say so instead of doing nothing', async () => {
    const { run, page } = await openNg();
    expect(await run.rail.count()).toBe(7);
    expect(await run.rail.nth(0).getAttribute('aria-current')).toBe('page');
    // It says "disabled" to assistive technology and still answers a touch.
    await run.rail.nth(1).click({ force: true });
    await page.getByText('Review is not in this version').waitFor();
    await page.keyboard.press('F6');
    await page.getByText('Recipes is not in this version').waitFor();
    expect(await page.locator('.rail > [aria-disabled="true"]').count()).toBe(6);
  });

  it('F1 opens the help, keys are off inside it, Escape closes it', async () => {
    const { run, page } = await openNg();
    await page.keyboard.press('F1');
    await run.help.waitFor();
    expect(await run.help.innerText()).toContain('not a safety function');
    await page.keyboard.press('b');
    expect(await page.locator('button[aria-pressed="true"]', { hasText: 'Boxes' }).count()).toBe(1);
    await page.keyboard.press('Escape');
    await run.help.waitFor({ state: 'hidden' });
    await run.button('Help and keys (F1)').click();
    await run.help.getByRole('button', { name: 'Close' }).click();
    await run.help.waitFor({ state: 'hidden' });
  });

  it('follows the system theme and keeps a chosen one over a reload', async () => {
    const { run, page } = await openNg({ context: { colorScheme: 'dark' } });
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    expect(await theme()).toBe('dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
    await page.keyboard.press('F1');
    await run.help.getByRole('button', { name: 'Dark' }).click();
    expect(await theme()).toBe('dark');
    await page.reload();
    await run.untilWord('NG');
    expect(await theme()).toBe('dark');
  });

  it('speaks German after a choice in the top bar', async () => {
    const { run, page } = await openNg();
    await page.getByLabel('Language').selectOption('de');
    expect(await run.verdict.innerText()).toContain('7 Fehler');
    expect(await run.count('total').innerText()).toBe('4.812');
    expect(await run.rail.first().innerText()).toContain('Betrieb');
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('de');
  });

  it('takes every text from the catalogue: nothing on the page is without the marks of the pseudo-locale', async () => {
    const { page } = await openNg({ query: '?lang=en-XA' });
    const unmarked = await page.evaluate(() => {
      const found: string[] = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.textContent!.trim();
        if (!/\p{Letter}/u.test(text) || node.parentElement!.closest('[translate="no"]')) continue;
        if (!/^\[.*\]$/.test(text)) found.push(text);
      }
      for (const element of document.querySelectorAll('[aria-label], [title]')) {
        for (const name of ['aria-label', 'title']) {
          const text = element.getAttribute(name);
          if (text && text !== 'Plumbline' && !/^\[.*\]$/.test(text)) found.push(`${name}: ${text}`);
        }
      }
      return found;
    });
    expect(unmarked).toEqual([]);
  });

  it.each([
    ['English', 1280, 800, 'en'],
    ['German', 1280, 800, 'de'],
    ['German', 1920, 1080, 'de'],
  ])('cuts no value and no command in %s at %i x %i, and nothing scrolls', async (_name, width, height, lang) => {
    const { page } = await openNg({ query: `?lang=${lang}`, context: { viewport: { width, height } } });
    const cut = await page.evaluate(() => {
      const places =
        '.v, .tile b, .tile .cap, .big, .foot b, .foot > div, .rail > *, .btn, .live button, .verdict .meta span, .card h2, .zoom, .pareto b, .pareto em, .dets td, .banner .what, .lockcell';
      return [...document.querySelectorAll<HTMLElement>(places)]
        .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
        .map((element) => `${element.className || element.tagName}: ${element.textContent}`);
    });
    expect(cut).toEqual([]);
    const root = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.scrollHeight,
    ]);
    expect(root).toEqual([width, height]);
  });

  it.each([1_834, 98_765, 1_234_567])('keeps counters of up to %i inside their tiles', async (good) => {
    const { page, server } = await openNg();
    const shown = good.toLocaleString('en-GB');
    server.setStatus(makeStatus({ counts: { ok: good, notOk: good } }));
    await page.waitForFunction(
      (text) => document.querySelector('[data-testid="count-ng"]')?.textContent === text,
      shown,
    );
    const room = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('.tile')].map((tile) => {
        const range = document.createRange();
        range.selectNodeContents(tile.querySelector('b')!);
        return tile.getBoundingClientRect().right - range.getBoundingClientRect().right;
      }),
    );
    expect(Math.min(...room)).toBeGreaterThanOrEqual(4);
  });

  it('gives every control at least 40 px, and shows the focus', async () => {
    const { page } = await openNg();
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('button, .rail > *, select')]
        .filter((element) => element.checkVisibility() && !element.closest('.dets'))
        .map((element) => ({ name: element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ box }) => Math.min(box.width, box.height) < 40)
        .map(({ name, box }) => `${name} ${box.width} x ${box.height}`),
    );
    expect(small).toEqual([]);
    // In the list the whole row reacts.
    const rowHeight = await page.evaluate(
      () => document.querySelector('.dets tbody tr')!.getBoundingClientRect().height,
    );
    expect(rowHeight).toBeGreaterThanOrEqual(40);
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => {
      const focused = document.activeElement!;
      return focused.matches(':focus-visible') && getComputedStyle(focused).outlineStyle;
    });
    expect(outline).toBe('solid');
  });

  it('tells a screen reader the verdict, at most once a second', async () => {
    const { page, server } = await openNg();
    await page.getByTestId('verdict-live').filter({ hasText: 'NG, 7 defects' }).waitFor();
    await page.evaluate(() => {
      const times: number[] = [];
      Object.assign(window, { spokenAt: times });
      new MutationObserver(() => times.push(performance.now())).observe(
        document.querySelector('[data-testid="verdict-live"]')!,
        {
          childList: true,
          characterData: true,
          subtree: true,
        },
      );
    });
    for (const evaluation of [1, 2, 1, 2, 1, 2, 1]) {
      server.play({ resultEvaluation: evaluation }, jpeg);
      await page.locator(`[data-testid="verdict"][data-word="${evaluation === 1 ? 'PASS' : 'NG'}"]`).waitFor();
    }
    await page.getByTestId('verdict-live').filter({ hasText: 'PASS, no defect' }).waitFor();
    const times = await page.evaluate(() => (window as unknown as { spokenAt: number[] }).spokenAt);
    for (let i = 1; i < times.length; i += 1) expect(times[i]! - times[i - 1]!).toBeGreaterThan(950);
  });

  it('shows what it has with long names too', async () => {
    open = await openConsole(browser, {
      prepare: (server) => {
        server.setStatus(
          makeStatus({
            lineId: 'plant-north-hall-12-line-3-station-aoi-2-top',
            recipe: { id: 'a-rather-long-recipe-name-of-the-customer', configurationId: '0123456789ab' },
            camera: { id: 'plant-north-hall-12-line-3-station-aoi-2-top' },
          }),
        );
        server.play({}, jpeg);
      },
    });
    const { run, page } = open;
    await run.untilWord('PASS');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBe(1280);
    const bounds = await run.button(/Boxes/).boundingBox();
    expect(bounds!.width).toBeGreaterThan(90);
  });
});
