import { randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';

/** The parts of a request that decide on access. */
export interface AccessRequest {
  /** Path without the query. */
  readonly path: string;
  readonly headers: {
    readonly host?: string | undefined;
    readonly origin?: string | undefined;
    readonly authorization?: string | undefined;
    readonly cookie?: string | undefined;
  };
  readonly queryToken?: string | undefined;
}

/** Origin of the desktop console's renderer. */
export const desktopOrigin = 'app://console';

/**
 * Who may talk to the daemon. A random token per start guards the API; the Host check stops DNS rebinding (a page of
 * an attacker whose name resolves to 127.0.0.1), the Origin check stops other pages of the same browser.
 */
export class Access {
  readonly token = randomBytes(32).toString('base64url');

  /**
   * @param boundHost    address that the server listens on
   * @param allowedHosts further names that it may be addressed by
   */
  constructor(
    private readonly boundHost: string,
    private readonly allowedHosts: readonly string[] = [],
  ) {}

  /**
   * Writes the token to `api-token` in the store folder, where a local console finds it: readable by this user only.
   * @throws {PlumblineError} PLB_DAEMON_STORE_UNUSABLE
   */
  async save(storeDir: string): Promise<void> {
    const file = join(storeDir, 'api-token');
    try {
      await mkdir(storeDir, { recursive: true });
      const fresh = `${file}.${process.pid}`;
      await rm(fresh, { force: true });
      // A new file: an existing one could have been opened by somebody with wider rights.
      await writeFile(fresh, `${this.token}\n`, { mode: 0o600, flag: 'wx' });
      await rename(fresh, file);
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new PlumblineError('PLB_DAEMON_STORE_UNUSABLE', { path: storeDir, reason }, { cause });
    }
  }

  /** The token is worth nothing after the daemon has ended. */
  async remove(storeDir: string): Promise<void> {
    await rm(join(storeDir, 'api-token'), { force: true });
  }

  get isLoopback(): boolean {
    return isLoopbackName(this.boundHost);
  }

  /** @throws {PlumblineError} PLB_DAEMON_HOST_REFUSED, PLB_DAEMON_ORIGIN_REFUSED */
  checkOrigin(request: AccessRequest): void {
    const { host = '', origin } = request.headers;
    if (!this.isHostAllowed(hostnameOf(host))) throw new PlumblineError('PLB_DAEMON_HOST_REFUSED', { host });
    if (origin === undefined || origin === desktopOrigin) return;
    if (origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new PlumblineError('PLB_DAEMON_ORIGIN_REFUSED', { origin });
    }
  }

  /** Cookie, `Authorization: Bearer`, or `?token=` for a WebSocket that can send neither. */
  hasToken(request: AccessRequest, port: number): boolean {
    const { authorization, cookie } = request.headers;
    const bearer = authorization?.match(/^Bearer ([A-Za-z0-9_-]+)$/)?.[1];
    return [bearer, readCookie(cookie, cookieName(port)), request.queryToken].some((given) => this.isToken(given));
  }

  /** `Set-Cookie` for the console page; no script can read it and no other site can send it. */
  cookie(port: number): string {
    return `${cookieName(port)}=${this.token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  private isToken(given: string | undefined): boolean {
    if (given === undefined) return false;
    const [a, b] = [Buffer.from(given), Buffer.from(this.token)];
    return a.length === b.length && timingSafeEqual(a, b);
  }

  private isHostAllowed(name: string): boolean {
    if (isLoopbackName(name) || this.allowedHosts.some((allowed) => allowed.toLowerCase() === name)) return true;
    return !this.isLoopback && (isIP(name) !== 0 || name === this.boundHost || name === hostname().toLowerCase());
  }
}

/** Cookies do not tell ports apart, so two daemons on one machine need two names. */
function cookieName(port: number): string {
  return `plumbline_token_${port}`;
}

function readCookie(header: string | undefined, name: string): string | undefined {
  const pairs = header?.split(';').map((pair) => pair.trim()) ?? [];
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** "[::1]:8080" -> "::1", "LocalHost:1" -> "localhost". */
function hostnameOf(hostHeader: string): string {
  const bracketed = hostHeader.match(/^\[([^\]]+)\](:\d+)?$/)?.[1];
  return (bracketed ?? hostHeader.replace(/:\d+$/, '')).toLowerCase();
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}
