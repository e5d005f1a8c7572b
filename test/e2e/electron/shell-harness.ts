import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright';

const BINARY = process.env.PLUMBLINE_ELECTRON ?? '/var/cache/plumbline/electron-9.4.1/electron/electron';

/** Path of an Electron that the specs can drive; null when none was set up. */
export const electronPath: string | null = existsSync(BINARY) ? BINARY : null;
const hasDisplayServer = ['/usr/bin/Xvfb', '/usr/local/bin/Xvfb'].some((path) => existsSync(path));

export const canRunShell = electronPath !== null && hasDisplayServer;
export const SHELL_MISSING =
  'no Electron is set up; `sudo bash test/e2e/electron/setup.sh` brings 9.4.1, or set PLUMBLINE_ELECTRON to one (Xvfb is needed too)';
export const shellSkipReason = canRunShell ? '' : ` (skipped: ${SHELL_MISSING})`;
if (!canRunShell) process.stderr.write(`Desktop shell specs are skipped: ${SHELL_MISSING}\n`);

const isRoot = process.getuid?.() === 0;

/** A virtual display of its own for one spec file. */
export class VirtualDisplay {
  private constructor(
    readonly name: string,
    private readonly server: ChildProcess,
  ) {}

  static async start(): Promise<VirtualDisplay> {
    const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp', '-ac'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const number = await new Promise<string>((resolve, reject) => {
      let text = '';
      server.stdio[3]!.on('data', (chunk) => {
        text += chunk;
        if (text.includes('\n')) resolve(text.trim());
      });
      server.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    });
    return new VirtualDisplay(`:${number}`, server);
  }
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.server.once('exit', resolve));
    this.server.kill();
    await ended;
  }
}

/**
 * Starts the binary as `nobody` when the specs run as root: Chromium's sandbox does not work for root. Its old seccomp
 * filter kills processes under glibc 2.34 and later, so that part is off; namespaces stay on.
 */
export class ShellRunner {
  readonly home: string;
  readonly #launcher: string;

  constructor(
    private readonly appFolder: string,
    private readonly display: VirtualDisplay,
  ) {
    this.home = mkdtempSync(join(tmpdir(), 'plumbline-home-'));
    this.#launcher = join(this.home, 'electron');
    const asNobody = `setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups `;
    writeFileSync(this.#launcher, `#!/bin/sh\nexec ${isRoot ? asNobody : ''}${electronPath} "$@"\n`);
    chmodSync(this.#launcher, 0o755);
    if (isRoot) execFileSync('chown', ['-R', 'nobody', this.home]);
  }

  /** Program that starts the shell. */
  get command(): string {
    return this.#launcher;
  }
  /** Arguments of the product after those of Chromium. */
  args(shellArguments: readonly string[]): string[] {
    return [this.appFolder, '--disable-seccomp-filter-sandbox', `--user-data-dir=${this.home}/data`, ...shellArguments];
  }
  get env(): Record<string, string> {
    return {
      PATH: process.env.PATH!,
      HOME: this.home,
      XDG_RUNTIME_DIR: this.home,
      LANG: 'C.UTF-8',
      DISPLAY: this.display.name,
    };
  }

  async launch(shellArguments: readonly string[]): Promise<{ app: ElectronApplication; page: Page }> {
    const app = await _electron.launch({
      executablePath: this.#launcher,
      args: this.args(shellArguments),
      // Otherwise the driver adds --no-sandbox.
      chromiumSandbox: true,
      env: this.env,
      cwd: this.home,
      timeout: 30_000,
    });
    const page = await app.firstWindow({ timeout: 30_000 });
    page.setDefaultTimeout(15_000);
    return { app, page };
  }

  /** Runs it without a driver until it ends. */
  run(
    shellArguments: readonly string[],
    onStart: (child: ChildProcess) => void = () => {},
  ): Promise<{ code: number | null; stderr: string }> {
    const child = spawn(this.#launcher, this.args(shellArguments), {
      env: this.env,
      cwd: this.home,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
      child.once('exit', (code) => resolve({ code, stderr })),
    );
    onStart(child);
    return ended;
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
