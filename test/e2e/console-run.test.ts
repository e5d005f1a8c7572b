import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, skipReason } from './support/chromium.js';
import { BOARD_DETECTIONS, makeBoardJpeg, makeHeader, makeJpeg, makeStatus } from './support/mock-line.js';
import { type OpenConsole, openConsole } from './support/open-console.js';

let browser: Browser;
let open: OpenConsole | undefined;

describe.skipIf(!chromiumPath)(`the Run screen${skipReason}`, () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    const problems = open?.problems;
    await open?.close();
    open = undefined;
    expect(problems).toEqual([]);
  });

  const boardNg = async () => ({
    frame: { resultEvaluation: 2, detections: [...BOARD_DETECTIONS] },
    jpeg: await makeBoardJpeg(),
  });

  it('shows line, recipe, model, counters, yield, Pareto and trend of the status', async () => {
    const { frame, jpeg } = await boardNg();
    open = await openConsole(browser, { prepare: (server) => server.play(frame, jpeg) });
    const { run, page } = open;
    await run.untilWord('NG');
    expect(await run.byId('line').innerText()).toContain('line-3-aoi-2');
    expect(await run.byId('recipe').innerText()).toContain('r-0192');
    expect(await run.byId('model').innerText()).toContain('decoupled-rcnn-pcb 2.3.1');
    expect(await run.byId('model').innerText()).toContain('9f3ac1e7');
    expect(await run.count('total').innerText()).toBe('4,812');
    expect(await run.count('good').innerText()).toBe('4,629');
    expect(await run.count('ng').innerText()).toBe('171');
    expect(await run.count('trigger').innerText()).toBe('12');
    expect(await run.byId('yield-value').innerText()).toBe('96.2');
    expect(await run.pareto.locator('li').allInnerTexts()).toHaveLength(5);
    expect(await run.pareto.locator('li').first().innerText()).toMatch(/open\s+96\s+38\.6 %/);
    expect(await run.trend.getAttribute('data-points')).toBe('60');
    expect(await page.title()).toContain('line-3-aoi-2');
  });

  it('lists the detections of the shown frame, the one below the threshold apart', async () => {
    const { frame, jpeg } = await boardNg();
    open = await openConsole(browser, { prepare: (server) => server.play(frame, jpeg) });
    const { run, page } = open;
    await run.untilWord('NG');
    await run.detections.nth(7).waitFor();
    const rows = await run.detections.allInnerTexts();
    expect(rows[0]).toMatch(/1\s+open\s+0\.98/);
    expect(rows[6]).toMatch(/7\s+mousebite\s+0\.71/);
    expect(rows[7]).toMatch(/–\s+pin-hole\s+0\.34/);
    expect(await page.locator('.dl .ft').innerText()).toContain('7 counted, 1 below the threshold (0.50)');
    expect(await run.verdict.innerText()).toContain('7 defects');
  });

  it('counts what the rules of the line reject, and draws the rest as below the threshold', async () => {
    const { frame, jpeg } = await boardNg();
    open = await openConsole(browser, {
      prepare: (server) => {
        server.setStatus(makeStatus({ rules: [{ name: 'scrap', anyOf: ['open', 'short'], minScore: 0.9 }] }));
        server.play(frame, jpeg);
      },
    });
    const { run, page } = open;
    await run.untilWord('NG');
    await page.locator('tr.below').nth(5).waitFor();
    expect(await run.verdict.innerText()).toContain('2 defects');
    expect(await page.locator('.dl .ft').innerText()).toContain('2 counted');
    const header = makeHeader({ type: 'ng', resultEvaluation: 2, detections: [...BOARD_DETECTIONS].reverse() });
    open.server.send({ header, jpeg });
    await run.untilFilm(1);
    expect(await run.filmItems.first().getAttribute('aria-label')).toMatch(/, short$/);
  });

  it('never shows the boxes of another frame: picture, overlay, caption and list change together', async () => {
    const colors = ['#c00000', '#00c000', '#0000c0'] as const;
    const jpegs = await Promise.all(colors.map((color) => makeJpeg(color)));
    open = await openConsole(browser);
    const { run, server, page } = open;
    const frames = Array.from({ length: 45 }, (_, i) =>
      makeHeader({
        frameId: `${colors[i % 3]}/${i}`,
        resultEvaluation: 2,
        detections: [{ ...BOARD_DETECTIONS[0]!, confidence: 0.5 + i / 100 }],
      }),
    );
    // In the page: after every animation frame, compare the colour that is painted with the ids of overlay and list.
    const seen = page.evaluate(async () => {
      const samples: { rgb: number[]; image?: string; overlay?: string }[] = [];
      const image = document.querySelector<HTMLCanvasElement>('canvas.image')!;
      const overlay = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
      const until = performance.now() + 10_000;
      while (!image.dataset.frame?.endsWith('/44') && performance.now() < until) {
        await new Promise(requestAnimationFrame);
        if (!image.dataset.frame) continue;
        const { data } = image.getContext('2d')!.getImageData(10, 10, 1, 1);
        samples.push({ rgb: [...data.slice(0, 3)], image: image.dataset.frame, overlay: overlay.dataset.frame });
      }
      return samples;
    });
    for (const [i, header] of frames.entries()) {
      server.send({ header: { ...header, capturedAtMs: Date.now() }, jpeg: jpegs[i % 3]! });
      await new Promise((resolve) => setTimeout(resolve, 1000 / 30));
    }
    const samples = await seen;
    expect(new Set(samples.map((s) => s.image)).size).toBeGreaterThan(10);
    for (const { rgb, image, overlay } of samples) {
      expect(overlay).toBe(image);
      const wanted = [1, 3, 5].map((at) => Number.parseInt(image!.slice(at, at + 2), 16));
      rgb.forEach((value, channel) => {
        expect(Math.abs(value - wanted[channel]!)).toBeLessThan(12);
      });
    }
    await page.waitForFunction(() => document.querySelector('.dets')?.getAttribute('data-frame')?.endsWith('/44'));
    expect(await run.detections.first().innerText()).toContain('0.94');
    expect(await run.caption.getAttribute('data-frame')).toMatch(/\/44$/);
  });

  it('ends on the newest frame of a burst that it cannot draw in full', async () => {
    const jpeg = await makeBoardJpeg();
    open = await openConsole(browser);
    const { server, page } = open;
    const last = makeHeader({ frameId: 'last' });
    for (let i = 0; i < 60; i += 1) server.send({ header: makeHeader(), jpeg });
    server.send({ header: { ...last, capturedAtMs: Date.now() }, jpeg });
    await page.waitForFunction(() => document.querySelector<HTMLElement>('canvas.image')?.dataset.frame === 'last');
  });

  it('draws the box where the detection is', async () => {
    const jpeg = await makeJpeg('#ffffff');
    const detection = { ...BOARD_DETECTIONS[0]!, bbox: { x: 320, y: 320, width: 160, height: 160 } };
    open = await openConsole(browser, {
      prepare: (server) => server.play({ resultEvaluation: 2, detections: [detection] }, jpeg),
    });
    const { run, page } = open;
    await run.untilWord('NG');
    // The word does not wait for the picture to be decoded.
    await page.waitForFunction(() => document.querySelector<HTMLElement>('canvas.overlay')?.dataset.frame);
    const edge = await page.evaluate(() => {
      const overlay = document.querySelector<HTMLCanvasElement>('canvas.overlay')!;
      const context = overlay.getContext('2d')!;
      const at = (x: number, y: number) => [
        ...context.getImageData(Math.round(x * overlay.width), Math.round(y * overlay.height), 1, 1).data,
      ];
      return { left: at(0.5, 0.625), inside: at(0.625, 0.625), outside: at(0.3, 0.625) };
    });
    expect(edge.left.slice(0, 3)).toEqual([0xde, 0x25, 0x30]);
    expect(edge.inside[3]).toBe(0);
    expect(edge.outside[3]).toBe(0);
  });

  it('keeps the last 20 NG parts, newest first, also over a reconnect', async () => {
    const jpeg = await makeJpeg('#ffffff', { width: 320, height: 320 });
    const ng = (i: number) => ({
      header: makeHeader({
        type: 'ng',
        resultId: `01990000-0000-7000-8000-9000000000${String(i).padStart(2, '0')}`,
        resultEvaluation: 2,
        preview: { width: 320, height: 320 },
        detections: [BOARD_DETECTIONS[0]!],
      }),
      jpeg,
    });
    open = await openConsole(browser, {
      // The connection is cut on purpose: the browser reports the refused attempts.
      allow: [/WebSocket connection to/],
      prepare: (server) => {
        for (let i = 0; i < 22; i += 1) server.send(ng(i));
      },
    });
    const { run, server } = open;
    await run.untilFilm(20);
    const ids = () =>
      run.filmItems.evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset.result!.slice(-2)));
    const newestFirst = Array.from({ length: 20 }, (_, i) => String(21 - i).padStart(2, '0'));
    expect(await ids()).toEqual(newestFirst);
    server.goDown();
    await run.untilPhase('offline');
    server.comeBack();
    await run.untilPhase('starting');
    server.send(ng(22));
    await run.film.locator('[data-result$="22"]').waitFor();
    expect(await ids()).toEqual(['22', ...newestFirst.slice(0, 19)]);
  });

  it('says so in every region that has nothing to show', async () => {
    open = await openConsole(browser, {
      prepare: (server) => {
        server.setStatus(
          makeStatus({
            counts: { ok: 0, notOk: 0, notDecidable: 0, triggerErrors: 0, frames: 0, inspected: 0 },
            pareto: [],
            yieldTrend: [],
            latencyMs: null,
            disk: { freeBytes: null, usedByStoreBytes: null },
          }),
        );
      },
    });
    const { run } = open;
    await run.untilPhase('starting');
    expect(await run.pareto.innerText()).toContain('No defect counted yet.');
    expect(await run.trend.innerText()).toContain('No finished minute yet.');
    expect(await run.film.innerText()).toContain('No NG part yet.');
    expect(await run.byId('yield-value').innerText()).toBe('–');
    expect(await run.byId('foot-latency').innerText()).toContain('–');
    expect(await run.byId('foot-disk').innerText()).toContain('–');
    expect(await run.caption.innerText()).toBe('No frame');
  });

  it('puts the list below a picture that is much wider than high', async () => {
    const jpeg = await makeJpeg('#336699', { width: 1000, height: 300 });
    open = await openConsole(browser, {
      prepare: (server) =>
        server.play({ image: { width: 2000, height: 600 }, preview: { width: 1000, height: 300 } }, jpeg),
    });
    const { run, page } = open;
    await run.untilWord('PASS');
    await page.locator('.split[data-list="below"]').waitFor();
    const { rgb } = await run.readCanvas(0.02, 0.5);
    expect(rgb[2]! - rgb[0]!).toBeGreaterThan(60);
  });

  it('works under its content security policy with nothing but the session cookie', async () => {
    const { frame, jpeg } = await boardNg();
    open = await openConsole(browser, { prepare: (server) => server.play(frame, jpeg) });
    const { run, server, page } = open;
    await run.untilWord('NG');
    expect([...server.seen.origins]).toEqual([server.origin]);
    expect(server.seen.refused).toBe(0);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect(await page.evaluate(() => document.querySelectorAll('script:not([src]), style').length)).toBe(0);
  });

  it('ignores a message that is not of the contract and goes on with the next', async () => {
    const { frame, jpeg } = await boardNg();
    open = await openConsole(browser, {
      // The page names the message that it leaves out.
      allow: [/feed message ignored/],
      prepare: (server) => server.play(frame, jpeg),
    });
    const { run, server } = open;
    await run.untilWord('NG');
    server.sendText('{"type":"status","status":{"lineId":7}}');
    server.sendText('no JSON');
    server.setStatus(makeStatus({ counts: { ok: 5000 } }));
    await run.page.waitForFunction(() => document.querySelector('[data-testid="count-good"]')?.textContent === '5,000');
  });

  it('keeps the previous picture when a JPEG cannot be decoded', async () => {
    open = await openConsole(browser);
    const { run, server } = open;
    server.send({ header: makeHeader({ frameId: 'good' }), jpeg: await makeJpeg('#ffffff') });
    await run.page.waitForFunction(() => document.querySelector<HTMLElement>('canvas.image')?.dataset.frame === 'good');
    server.send({ header: makeHeader({ frameId: 'broken', resultEvaluation: 2 }), jpeg: new Uint8Array([1, 2, 3]) });
    await run.untilWord('NG');
    expect(await run.caption.getAttribute('data-frame')).toBe('good');
  });
});
