import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAsset, pagePolicy } from './page-assets.js';
import { readToken } from './token-file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'page-assets-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'data.bin'), 'x');
  writeFileSync(join(folder, 'token'), '  abc \n');
  writeFileSync(join(folder, 'empty'), '\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadAsset', () => {
  const ask = (address: string) => loadAsset(folder, address, 'the policy');

  it('serves the page with its policy and without caching', async () => {
    for (const address of ['app://console/', 'app://console/index.html?theme=dark']) {
      const { status, headers, body } = await ask(address);
      expect([status, body.toString()]).toEqual([200, '<!doctype html>']);
      expect(headers).toMatchObject({
        'Content-Security-Policy': 'the policy',
        'Content-Type': 'text/html; charset=utf-8',
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'no-store',
      });
    }
  });

  it.each([
    ['app://console/..%2fsecret.html', 403],
    ['app://console/%2e%2e/%2e%2e/etc/passwd', 404],
    ['app://console/a%00.html', 400],
    ['app://console/a%5cb.html', 400],
    ['app://console/%E0%A4%A', 400],
    ['app://other/index.html', 404],
    ['https://console/index.html', 404],
    ['app://console/data.bin', 404],
    ['app://console/absent.js', 404],
    ['not an address', 400],
  ])('refuses %s with %i and no content', async (address, status) => {
    const asset = await ask(address);
    expect([asset.status, asset.body.length]).toEqual([status, 0]);
  });
});

describe('pagePolicy', () => {
  it('lets the page connect to its daemon and to nothing else', () => {
    expect(pagePolicy('https://box:8443')).toContain("connect-src 'self' wss://box:8443;");
    expect(pagePolicy('http://127.0.0.1:8080')).toContain("connect-src 'self' ws://127.0.0.1:8080;");
    expect(pagePolicy('http://127.0.0.1:8080')).not.toContain('unsafe');
  });
});

describe('readToken', () => {
  it('trims what the daemon wrote', async () => {
    expect(await readToken(join(folder, 'token'))).toBe('abc');
  });
  it.each(['absent', 'empty'])('names a file that is %s', async (name) => {
    await expect(readToken(join(folder, name))).rejects.toMatchObject({
      code: 'PLB_CONSOLE_TOKEN_UNREADABLE',
      params: { file: join(folder, name) },
    });
  });
});
