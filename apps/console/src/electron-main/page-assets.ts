import { promises as fs } from 'node:fs';
import { extname, resolve, sep } from 'node:path';

/** Origin of the page inside the shell. */
export const APP_SCHEME = 'app';
export const APP_ORIGIN = 'app://console';
export const PAGE_URL = `${APP_ORIGIN}/index.html`;

const MIME: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
};

/** @param daemon origin of the only daemon that the page may talk to */
export function pagePolicy(daemon: string): string {
  const socket = daemon.replace(/^http/, 'ws');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    `connect-src 'self' ${socket}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-src 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export interface Asset {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * Answers one request of the page from its folder: only files under it, only known types, only our own origin. Never
 * rejects; what is refused gets an empty answer with the status.
 */
export async function loadAsset(folder: string, address: string, policy: string): Promise<Asset> {
  const headers: Record<string, string> = {
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  };
  const refuse = (status: number): Asset => ({
    status,
    headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' },
    body: Buffer.alloc(0),
  });
  let path: string;
  try {
    const url = new URL(address);
    if (`${url.protocol}//${url.host}` !== APP_ORIGIN) return refuse(404);
    path = decodeURIComponent(url.pathname);
  } catch {
    return refuse(400);
  }
  if (path.includes('\0') || path.includes('\\')) return refuse(400);
  const file = resolve(folder, `.${path === '/' ? '/index.html' : path}`);
  if (!file.startsWith(resolve(folder) + sep)) return refuse(403);
  const type = MIME[extname(file).toLowerCase()];
  if (!type) return refuse(404);
  try {
    return { status: 200, headers: { ...headers, 'Content-Type': type }, body: await fs.readFile(file) };
  } catch {
    return refuse(404);
  }
}
