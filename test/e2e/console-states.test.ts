import type { LineStatus } from '@plumbline/contract';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium, skipReason } from './support/chromium.js';
import type { ConsoleServer } from './support/console-server.js';
import { BOARD_DETECTIONS, makeBoardJpeg, makeHeader, makeStatus } from './support/mock-line.js';
import { type OpenConsole, openConsole } from './support/open-console.js';

let browser: Browser;
let jpeg: Uint8Array;
let open: OpenConsole | undefined;

const PASS = { resultEvaluation: 1 };
const NG = { resultEvaluation: 2, detections: [...BOARD_DETECTIONS] };
const problem = (source: string, code: string) => ({
  code,
  message: `what happened to the ${source}`,
  help: `what to do about the ${source}`,
  source,
  sinceMs: Date.now() - 12_000,
});
/** The browser reports each refused connection; these specs cut it on purpose. */
const CUT = [/WebSocket connection to/];

describe.skipIf(!chromiumPath)(`states of the Run screen${skipReason}`, () => {
  beforeAll(async () => {
    browser = await launchChromium();
    jpeg = await makeBoardJpeg();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    const problems = open?.problems;
    await open?.close();
    open = undefined;
    expect(problems).toEqual([]);
  });

  async function openLine(prepare: (server: ConsoleServer) => void, allow: RegExp[] = []): Promise<OpenConsole> {
    open = await openConsole(browser, { prepare, allow });
    return open;
  }
  const playing =
    (status: LineStatus, frame = PASS) =>
    (server: ConsoleServer) => {
      server.setStatus(status);
      server.play(frame, jpeg);
    };

  it.each([
    ['PASS', PASS, 'no defect'],
    ['NG', NG, '7 defects'],
    ['ERROR', { resultEvaluation: 3, resultEvaluationCode: 'PLB_DAEMON_DETECT_TIMEOUT' }, 'PLB_DAEMON_DETECT_TIMEOUT'],
    ['ERROR', { resultState: 4, resultEvaluation: 0, resultEvaluationCode: 'PLB_FAILED' }, 'PLB_FAILED'],
  ])('running: %s as word and shape', async (word, frame, meta) => {
    const { run } = await openLine(playing(makeStatus(), frame));
    await run.untilWord(word);
    await run.untilPicture('live');
    expect(await run.verdict.locator('.word').innerText()).toBe(word);
    expect(await run.verdict.locator(`svg[data-shape="${word}"]`).count()).toBe(1);
    expect(await run.verdict.innerText()).toContain(meta);
    expect(await run.banner.innerText()).toContain('No alarm');
    expect(await run.notice.count()).toBe(0);
  });

  it('connecting: WAIT and the address, no verdict', async () => {
    const { run, server } = await openLine((s) => s.goDown(), CUT);
    await run.untilWord('WAIT');
    expect(await run.notice.innerText()).toContain(`Connecting to ${new URL(server.origin).host}`);
    server.comeBack();
    server.play(PASS, jpeg);
    await run.untilWord('PASS');
  });

  it('starting: WAIT until the model is warm', async () => {
    const { run, server } = await openLine(playing(makeStatus({ state: 'starting' })));
    await run.untilPhase('starting');
    expect(await run.verdict.getAttribute('data-word')).toBe('WAIT');
    await run.untilPicture('clear');
    server.setStatus(makeStatus());
    await run.untilWord('PASS');
  });

  it('idle: picture dimmed with its time, verdict withdrawn', async () => {
    const { run } = await openLine(playing(makeStatus({ state: 'idle' })));
    await run.untilWord('IDLE');
    await run.untilPicture('dim');
    expect(await run.stamp.innerText()).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(await run.well.locator('canvas.overlay').isVisible()).toBe(false);
  });

  it('frozen: the picture stands, verdict and counters go on, Space returns', async () => {
    const { run, server, page } = await openLine(playing(makeStatus()));
    await run.untilWord('PASS');
    await page.keyboard.press(' ');
    await run.untilPicture('frozen');
    const standing = await run.caption.getAttribute('data-frame');
    server.play(NG, jpeg);
    server.setStatus(makeStatus({ counts: { notOk: 172 } }));
    await run.untilWord('NG');
    await page.waitForFunction(() => document.querySelector('[data-testid="count-ng"]')?.textContent === '172');
    expect(await run.caption.getAttribute('data-frame')).toBe(standing);
    expect((await run.readCanvas(0.5, 0.5)).image).toBe(standing);
    expect(await run.detections.count()).toBe(0);
    expect(await run.stamp.innerText()).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(await run.button('Frozen').getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press(' ');
    await run.untilPicture('live');
    await page.waitForFunction(
      (id) => document.querySelector<HTMLElement>('canvas.image')?.dataset.frame !== id,
      standing,
    );
  });

  it('camera lost: ERROR with the code, no picture, since when, P1 in banner and bottom bar', async () => {
    const { run } = await openLine(
      playing(
        makeStatus({
          state: 'degraded',
          camera: { state: 'down', framesPerSecond: 0 },
          problems: [problem('camera', 'PLB_EDGE_CAMERA_LOST')],
        }),
      ),
    );
    await run.untilPhase('cameraLost');
    expect(await run.verdict.innerText()).toContain('PLB_EDGE_CAMERA_LOST');
    expect(await run.verdict.getAttribute('data-word')).toBe('ERROR');
    await run.untilPicture('clear');
    expect(await run.notice.innerText()).toMatch(/No image for 1\d s/);
    expect(await run.banner.getAttribute('data-p')).toBe('1');
    expect(await run.banner.innerText()).toContain('Camera lost');
    expect(await run.banner.innerText()).toContain('what to do about the camera');
    expect(await run.byId('foot-camera').getAttribute('data-p')).toBe('1');
    expect(await run.byId('alert').textContent()).toContain('Camera lost');
  });

  it('camera degraded: the same flag as P2, picture and verdict stay', async () => {
    const { run } = await openLine(
      playing(
        makeStatus({
          state: 'degraded',
          camera: { state: 'degraded' },
          problems: [problem('camera', 'PLB_EDGE_CAMERA_SLOW')],
        }),
      ),
    );
    await run.untilWord('PASS');
    await run.untilPicture('live');
    expect(await run.banner.getAttribute('data-p')).toBe('2');
    expect(await run.banner.innerText()).toContain('Camera degraded');
    expect(await run.byId('alert').textContent()).toBe('');
  });

  it('runtime offline: all live regions cleared, the last PASS does not stay, and it comes back by itself', async () => {
    const { run, server } = await openLine(playing(makeStatus()), CUT);
    await run.untilWord('PASS');
    server.goDown();
    await run.untilWord('STALE');
    await run.untilPicture('clear');
    expect(await run.notice.innerText()).toMatch(/No data since \d\d:\d\d:\d\d/);
    expect(await run.banner.innerText()).toContain('Runtime offline');
    expect(await run.byId('foot-latency').getAttribute('data-p')).toBe('1');
    expect(await run.byId('foot-camera').innerText()).toContain('–');
    expect(await run.caption.innerText()).toBe('No frame');
    server.comeBack();
    server.play(PASS, jpeg);
    await run.untilWord('PASS');
    expect(await run.banner.innerText()).toContain('No alarm');
  });

  it('runtime restarted: the page renews its cookie by itself and goes on', async () => {
    // Until the cookie is renewed the daemon answers 401, which the browser reports.
    const { run, server } = await openLine(playing(makeStatus()), CUT);
    await run.untilWord('PASS');
    server.goDown();
    await run.untilWord('STALE');
    server.renewSession();
    server.comeBack();
    server.play(NG, jpeg);
    await run.untilWord('NG');
  });

  it('broker offline: inspection untouched, the buffered count grows in banner and outbox', async () => {
    const away = (depth: number) =>
      makeStatus({
        state: 'degraded',
        broker: { state: 'disconnected' },
        outbox: { depth },
        problems: [problem('broker', 'PLB_DAEMON_BROKER_AWAY')],
      });
    const { run, server, page } = await openLine(playing(away(812)));
    await run.untilWord('PASS');
    expect(await run.banner.getAttribute('data-p')).toBe('3');
    expect(await run.banner.innerText()).toContain('Broker offline, buffering 812');
    expect(await run.byId('foot-outbox').innerText()).toContain('812');
    expect(await run.byId('foot-outbox').getAttribute('data-p')).toBe('3');
    expect(await run.byId('foot-broker').innerText()).toContain('offline');
    server.setStatus(away(1813));
    await page.getByText('Broker offline, buffering 1,813').waitFor();
  });

  it('stale: frames end, after 2 s the picture is dimmed and dated and the verdict suspended', async () => {
    const { run, server } = await openLine(playing(makeStatus(), NG));
    await run.untilWord('NG');
    server.pausePlay();
    await run.untilWord('STALE');
    await run.untilPicture('dim');
    expect(await run.stamp.innerText()).toMatch(/^\d\d:\d\d:\d\d, [23] s old$/);
    expect(await run.verdict.innerText()).toMatch(/Verdict suspended, last one [23] s old/);
    expect(await run.well.locator('canvas.overlay').isVisible()).toBe(false);
    server.play(PASS, jpeg);
    await run.untilWord('PASS');
  });

  it('stale: an open connection that has gone silent suspends the verdict as well', async () => {
    const { run, server } = await openLine(playing(makeStatus()));
    await run.untilWord('PASS');
    server.goSilent();
    await run.untilWord('STALE');
    await run.untilPicture('dim');
    expect(await run.byId('foot-camera').innerText()).toContain('–');
  });

  it('shows an old picture that a reconnect delivers as stale, never as a verdict', async () => {
    const { run } = await openLine((server) =>
      server.send({ header: makeHeader({ ...PASS, capturedAtMs: Date.now() - 10_000 }), jpeg }),
    );
    await run.untilWord('STALE');
    await run.untilPicture('dim');
    expect(await run.stamp.innerText()).toMatch(/1\d s old$/);
  });

  it('failed: ERROR with code, cause and remedy in place of the picture', async () => {
    const { run } = await openLine(
      playing(makeStatus({ state: 'failed', problems: [problem('detector', 'PLB_DAEMON_DETECTOR_DOWN')] })),
    );
    await run.untilPhase('failed');
    expect(await run.verdict.innerText()).toContain('PLB_DAEMON_DETECTOR_DOWN');
    expect(await run.notice.innerText()).toContain('what happened to the detector');
    expect(await run.notice.innerText()).toContain('what to do about the detector');
    expect(await run.banner.getAttribute('data-p')).toBe('1');
  });

  it('disk low: verdicts go on, P2 with the free space', async () => {
    const { run } = await openLine(
      playing(
        makeStatus({
          state: 'degraded',
          disk: { freeBytes: 14e9 },
          problems: [problem('disk', 'PLB_DAEMON_DISK_LOW')],
        }),
      ),
    );
    await run.untilWord('PASS');
    expect(await run.banner.getAttribute('data-p')).toBe('2');
    expect(await run.banner.innerText()).toContain('Disk low, 14 GB free');
    expect(await run.byId('foot-disk').getAttribute('data-p')).toBe('2');
  });

  it('stopping: no verdict while the service shuts down', async () => {
    const { run } = await openLine(playing(makeStatus({ state: 'stopping' })));
    await run.untilPhase('stopping');
    expect(await run.verdict.getAttribute('data-word')).toBe('IDLE');
  });

  it('shows the highest of several problems and how many there are', async () => {
    const { run } = await openLine(
      playing(
        makeStatus({
          state: 'degraded',
          problems: [problem('broker', 'PLB_B'), problem('overrun', 'PLB_O'), problem('store', 'PLB_S')],
        }),
      ),
    );
    await run.untilWord('PASS');
    expect(await run.banner.innerText()).toContain('Results not stored');
    expect(await run.banner.innerText()).toContain('1 of 3 present');
  });

  it('read-only: says so, with a lock, and offers no command', async () => {
    const { run } = await openLine(playing(makeStatus()));
    await run.untilWord('PASS');
    expect(await run.byId('access').innerText()).toContain('Read-only');
    expect(await run.banner.innerText()).toContain('Read-only');
    expect(await run.banner.locator('button').count()).toBe(0);
  });
});
