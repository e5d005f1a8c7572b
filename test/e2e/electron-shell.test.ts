import { chmodSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildShell } from './electron/build-shell.js';
import { RawPage } from './electron/raw-page.js';
import { canRunShell, ShellRunner, shellSkipReason, VirtualDisplay } from './electron/shell-harness.js';
import { RunPage } from './pages/run-page.js';
import { ConsoleServer } from './support/console-server.js';
import { BOARD_DETECTIONS, makeBoardJpeg } from './support/mock-line.js';

const TOKEN = 'token-of-this-start';

/**
 * The real window of the desktop shell, on Electron 9.4.1 (Chromium 83) through a shim for the API it lacks. What it
 * cannot show: any branch of newer Electron versions, seccomp, fuses, packaging, Windows and macOS.
 */
describe.skipIf(!canRunShell)(`the desktop shell${shellSkipReason}`, () => {
  let folder: string;
  let display: VirtualDisplay;
  let runner: ShellRunner;
  let daemon: ConsoleServer;
  let outside: Server;
  let outsideHits = 0;
  let app: ElectronApplication;
  let page: Page;
  let shellArguments: string[];
  const outsideUrl = () => `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`;

  beforeAll(async () => {
    folder = await buildShell();
    display = await VirtualDisplay.start();
    runner = new ShellRunner(folder, display);
    daemon = await ConsoleServer.start({ rendererDir: join(folder, 'dist/renderer'), token: TOKEN });
    daemon.play({ resultEvaluation: 2, detections: [...BOARD_DETECTIONS] }, await makeBoardJpeg());
    outside = createServer((_request, response) => {
      outsideHits += 1;
      response.end('outside');
    });
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    const tokenFile = join(runner.home, 'api-token');
    writeFileSync(tokenFile, `${TOKEN}\n`);
    chmodSync(tokenFile, 0o644);
    shellArguments = ['--daemon', daemon.origin, '--token-file', tokenFile];
    ({ app, page } = await runner.launch(shellArguments));
  }, 120_000);

  afterAll(async () => {
    await app?.close();
    runner?.remove();
    await daemon?.close();
    outside?.close();
    await display?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('shows the same page as the browser, live, with the token of the file and the origin app://console', async () => {
    const run = new RunPage(page);
    await run.untilWord('NG');
    expect(page.url()).toBe('app://console/index.html');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="detection"]').length === 8);
    const first = (await run.readCanvas(0.1, 0.1)).image;
    await page.waitForFunction(
      (id) => document.querySelector<HTMLElement>('canvas.image')!.dataset.frame !== id,
      first,
    );
    expect([...daemon.seen.origins]).toEqual(['app://console']);
    const { rgb } = await run.readCanvas(0.1, 0.02);
    expect(Math.max(...rgb)).toBeGreaterThan(200);
  });

  it('gives the page no Node and nothing but the one declared function', async () => {
    const seen = await page.evaluate(() => ({
      types: ['require', 'process', 'module', 'Buffer', 'global'].map(
        (name) => typeof (window as unknown as Record<string, unknown>)[name],
      ),
      bridge: Object.keys((window as unknown as { plumblineShell: object }).plumblineShell),
    }));
    expect(seen).toEqual({ types: Array(5).fill('undefined'), bridge: ['feedAddress'] });
    const preferences = await app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]!.webContents as unknown as {
        getLastWebPreferences(): Record<string, unknown>;
      };
      const all = contents.getLastWebPreferences();
      return [all.contextIsolation, all.sandbox, all.nodeIntegration, all.webSecurity, all.webviewTag];
    });
    expect(preferences).toEqual([true, true, false, true, false]);
  });

  it('runs the page in a network namespace of its own, without any capability', async () => {
    const pid = await app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]!.webContents.getOSProcessId(),
    );
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    expect(command).toContain('--type=renderer');
    expect(command).not.toContain('--no-sandbox');
    expect(/CapEff:\s*(\w+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]).toBe('0'.repeat(16));
    const networkOf = (process: number) => readlinkSync(`/proc/${process}/ns/net`);
    expect(networkOf(pid)).not.toBe(networkOf(app.process().pid!));
  });

  it('enforces its content security policy: no eval, no inline script, no foreign connection or frame', async () => {
    const seen = await page.evaluate(async (address) => {
      const violated = new Set<string>();
      addEventListener('securitypolicyviolation', (event) => violated.add(event.effectiveDirective));
      // In a timer: the driver's own evaluation is exempt from the policy.
      const evaluated = await new Promise<string>((resolve) =>
        setTimeout(() => {
          try {
            // biome-ignore lint/security/noGlobalEval: the point of this spec
            const evaluate = eval;
            resolve(String(evaluate('1 + 1')));
          } catch (error) {
            resolve((error as Error).name);
          }
        }, 0),
      );
      const script = document.createElement('script');
      script.textContent = 'window.inlineRan = true';
      document.body.append(script);
      const fetched = await fetch(address).then(
        () => 'reached',
        () => 'blocked',
      );
      const frame = document.createElement('iframe');
      frame.src = address;
      document.body.append(frame);
      const until = performance.now() + 5_000;
      while (!(violated.has('connect-src') && violated.has('frame-src')) && performance.now() < until) {
        await new Promise(requestAnimationFrame);
      }
      frame.remove();
      return { evaluated, inlineRan: 'inlineRan' in window, fetched, violated: [...violated].sort() };
    }, outsideUrl());
    expect(seen).toMatchObject({ evaluated: 'EvalError', inlineRan: false, fetched: 'blocked' });
    expect(seen.violated).toEqual(expect.arrayContaining(['connect-src', 'frame-src']));
    expect(outsideHits).toBe(0);
  });

  it('serves files of the page only: no way out of its folder', async () => {
    const statuses = await page.evaluate(async () => {
      const ask = (address: string) =>
        fetch(address).then(
          (response) => response.status,
          (error: Error) => error.name,
        );
      return Promise.all(
        [
          'app://console/index.html',
          'app://console/..%2f..%2fpackage.json',
          'app://console/%2e%2e/main.cjs',
          'app://console/absent.js',
          'app://other/index.html',
          'file:///etc/passwd',
        ].map(ask),
      );
    });
    expect(statuses[0]).toBe(200);
    expect(statuses.slice(1)).not.toContain(200);
  });

  it('denies permissions', async () => {
    const granted = await page.evaluate(async () => ({
      geolocation: await new Promise((resolve) =>
        navigator.geolocation.getCurrentPosition(
          () => resolve('granted'),
          (error) => resolve(`denied with ${error.code}`),
        ),
      ),
      notifications: await Notification.requestPermission(),
    }));
    expect(granted).toEqual({ geolocation: 'denied with 1', notifications: 'denied' });
  });

  it('denies new windows and navigation', async () => {
    const own = new ShellRunner(folder, display);
    const raw = await RawPage.start(own.command, own.args(shellArguments), { env: own.env, cwd: own.home });
    try {
      await expect
        .poll(() => raw.evaluate('document.querySelectorAll("[data-word]").length'), { timeout: 15_000 })
        .toBe(1);
      await raw.evaluate(`void window.open(${JSON.stringify(outsideUrl())})`);
      await raw.evaluate(`location.href = ${JSON.stringify(outsideUrl())}; null`);
      // Nothing tells of a denial: look for what must not happen for as long as an allowed one takes many times over.
      const until = Date.now() + 1_000;
      while (Date.now() < until) {
        expect(await raw.pages()).toEqual(['app://console/index.html']);
        expect(outsideHits).toBe(0);
      }
      expect(await raw.evaluate('location.href')).toBe('app://console/index.html');
    } finally {
      await raw.close();
      own.remove();
    }
  });

  it('refuses the feed address to every other window', async () => {
    const answer = await app.evaluate(
      async ({ BrowserWindow }, preload) => {
        const other = new BrowserWindow({
          show: false,
          webPreferences: { contextIsolation: true, sandbox: true, preload },
        });
        await other.loadURL('app://console/index.html');
        const text = await other.webContents.executeJavaScript(
          'plumblineShell.feedAddress().then(() => "given", (error) => error.message)',
        );
        other.destroy();
        return text as string;
      },
      join(folder, 'dist/preload/preload.cjs'),
    );
    expect(answer).toContain('untrusted sender');
  });

  it('ends a second instance with 0 and tells the first', async () => {
    const told = app.evaluate(
      ({ app: electronApp }) =>
        new Promise<string>((resolve) => electronApp.once('second-instance', () => resolve('told'))),
    );
    expect((await runner.run(shellArguments)).code).toBe(0);
    expect(await told).toBe('told');
  });

  it('ends with 2 and says what is missing when the command line is wrong', async () => {
    const { code, stderr } = await runner.run(['--daemon', 'ftp://box']);
    expect(code).toBe(2);
    expect(stderr).toContain('PLB_CONSOLE_USAGE');
  });

  it('takes the new token after the daemon has started anew', async () => {
    const run = new RunPage(page);
    daemon.goDown();
    await run.untilPhase('offline');
    daemon.useToken('token-of-the-next-start');
    writeFileSync(join(runner.home, 'api-token'), 'token-of-the-next-start\n');
    daemon.comeBack();
    daemon.play({ resultEvaluation: 1 }, await makeBoardJpeg());
    await run.untilWord('PASS');
  });

  it('says why it has no address while the token file is missing, and goes on when it is there', async () => {
    const run = new RunPage(page);
    daemon.goDown();
    rmSync(join(runner.home, 'api-token'));
    await run.byId('address-problem').waitFor();
    expect(await run.byId('address-problem').innerText()).toContain('PLB_CONSOLE_TOKEN_UNREADABLE');
    writeFileSync(join(runner.home, 'api-token'), 'token-of-the-next-start\n');
    daemon.comeBack();
    daemon.play({ resultEvaluation: 1 }, await makeBoardJpeg());
    await run.untilWord('PASS');
  });

  it('loads a killed page again, with a working bridge and live frames', async () => {
    const connections = daemon.seen.connections;
    const pid = await app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]!.webContents.getOSProcessId(),
    );
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => daemon.seen.connections, { timeout: 20_000 }).toBe(connections + 1);
    // The driver's page object belongs to the dead process: ask through the main process.
    const word = () =>
      app.evaluate(
        ({ BrowserWindow }) =>
          BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript(
            'document.querySelector("[data-word]").dataset.word',
          ) as Promise<string>,
      );
    await expect.poll(word, { timeout: 10_000 }).toBe('PASS');
  });

  it('ends with 0 when it is asked to', async () => {
    // A profile of its own, or it would be the second instance of the driven one. No driver: an attached one would
    // keep it from ending by itself.
    const other = new ShellRunner(folder, display);
    const before = daemon.seen.connections;
    const ended = other.run(shellArguments, (child) => {
      const waiting = setInterval(() => {
        if (daemon.seen.connections === before) return;
        clearInterval(waiting);
        child.kill('SIGTERM');
      }, 50);
    });
    expect((await ended).code).toBe(0);
    expect(daemon.seen.connections).toBeGreaterThan(before);
    other.remove();
  }, 60_000);

  it('quits when its window is closed', async () => {
    const quits = await app.evaluate(
      ({ app: electronApp, BrowserWindow }) =>
        new Promise<boolean>((resolve) => {
          electronApp.once('will-quit', (event) => {
            event.preventDefault();
            resolve(true);
          });
          for (const window of BrowserWindow.getAllWindows()) window.close();
        }),
    );
    expect(quits).toBe(true);
  });
});
