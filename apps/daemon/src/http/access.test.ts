import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Access, type AccessRequest } from './access.js';

const ask = (headers: AccessRequest['headers'], queryToken?: string): AccessRequest => ({
  path: '/api/status',
  headers,
  queryToken,
});

describe('Access', () => {
  it('accepts loopback names with any port, so that a forwarded port works', () => {
    const access = new Access('127.0.0.1');
    for (const host of ['127.0.0.1:8080', 'localhost:9000', '[::1]:80', 'LOCALHOST']) {
      expect(() => access.checkOrigin(ask({ host }))).not.toThrow();
    }
  });

  it('refuses any other name on the loopback interface: it could be a rebound one', () => {
    const access = new Access('127.0.0.1');
    for (const host of ['evil.example:8080', '192.168.0.7', '127.0.0.1.evil.example', '', undefined]) {
      expect(() => access.checkOrigin(ask({ host })), host).toThrow(/host name/);
    }
  });

  it('accepts addresses and the name of the machine when it listens on the network, and no other name', () => {
    const access = new Access('0.0.0.0');
    for (const host of ['192.168.0.7:8080', '[fe80::1]:80', `${hostname()}:80`]) {
      expect(() => access.checkOrigin(ask({ host }))).not.toThrow();
    }
    expect(() => access.checkOrigin(ask({ host: 'evil.example' }))).toThrow(
      expect.objectContaining({ code: 'PLB_DAEMON_HOST_REFUSED' }),
    );
  });

  it('accepts the names that line.yaml allows', () => {
    const access = new Access('0.0.0.0', ['Box-7.factory.local']);
    expect(() => access.checkOrigin(ask({ host: 'box-7.factory.local:8080' }))).not.toThrow();
    expect(() => access.checkOrigin(ask({ host: 'box-8.factory.local:8080' }))).toThrow(/host name/);
  });

  it('accepts its own page and the desktop console as origin and refuses other pages', () => {
    const access = new Access('127.0.0.1');
    const host = '127.0.0.1:8080';
    for (const origin of ['http://127.0.0.1:8080', 'app://console', undefined]) {
      expect(() => access.checkOrigin(ask({ host, origin }))).not.toThrow();
    }
    for (const origin of ['http://evil.example', 'http://127.0.0.1:9', 'null', 'app://other']) {
      expect(() => access.checkOrigin(ask({ host, origin })), origin).toThrow(/refused/);
    }
  });

  it('takes the token from the header, the cookie of its own port or the query', () => {
    const access = new Access('127.0.0.1');
    const { token } = access;
    expect(access.hasToken(ask({ authorization: `Bearer ${token}` }), 80)).toBe(true);
    expect(access.hasToken(ask({ cookie: `a=b; plumbline_token_80=${token}` }), 80)).toBe(true);
    expect(access.hasToken(ask({}, token), 80)).toBe(true);
    expect(access.hasToken(ask({ cookie: `plumbline_token_81=${token}` }), 80)).toBe(false);
    expect(access.hasToken(ask({ authorization: `Bearer ${token}x` }, 'x'), 80)).toBe(false);
    expect(access.hasToken(ask({}), 80)).toBe(false);
  });

  it('draws a new token for every start', () => {
    expect(new Access('::1').token).not.toBe(new Access('::1').token);
    expect(new Access('::1').token.length).toBeGreaterThanOrEqual(43);
  });

  it('stores the token for this user only, also over a file with wider rights, and removes it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'plumbline-token-'));
    const file = join(dir, 'api-token');
    await writeFile(file, 'old', { mode: 0o644 });
    const access = new Access('127.0.0.1');
    await access.save(dir);
    expect((await readFile(file, 'utf8')).trim()).toBe(access.token);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await access.remove(dir);
    await expect(stat(file)).rejects.toThrow(/ENOENT/);
    await rm(dir, { recursive: true });
  });

  it('says that the store cannot be used', async () => {
    await expect(new Access('127.0.0.1').save('/dev/null/store')).rejects.toMatchObject({
      code: 'PLB_DAEMON_STORE_UNUSABLE',
    });
  });
});
