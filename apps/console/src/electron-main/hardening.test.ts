import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { BrowserWindow, IpcMainInvokeEvent, Session, WebContents } from 'electron';
import { describe, expect, it } from 'vitest';
import { FEED_ADDRESS_CHANNEL } from '../common/shell-bridge.js';
import { confine, isTrustedSender, lockSession } from './hardening.js';

/** Fakes of today's API: what an old Electron in the window specs cannot exercise. */

describe('confine', () => {
  it('denies windows, webviews and every way off the own origin', () => {
    const contents = new EventEmitter() as EventEmitter & { setWindowOpenHandler: (handler: () => unknown) => void };
    let opened: unknown = null;
    contents.setWindowOpenHandler = (handler) => {
      opened = handler();
    };
    confine(contents as unknown as WebContents);
    expect(opened).toEqual({ action: 'deny' });
    const isPrevented = (name: string, url: string) => {
      let prevented = false;
      contents.emit(name, { url, preventDefault: () => (prevented = true) });
      return prevented;
    };
    for (const name of ['will-navigate', 'will-redirect', 'will-frame-navigate']) {
      expect(isPrevented(name, 'https://elsewhere/')).toBe(true);
      expect(isPrevented(name, 'app://console.elsewhere/')).toBe(true);
      expect(isPrevented(name, 'app://console/index.html')).toBe(false);
    }
    expect(isPrevented('will-attach-webview', '')).toBe(true);
  });
});

describe('lockSession', () => {
  const locked = () => {
    const handlers: Record<string, (...args: never[]) => unknown> = {};
    const session = Object.assign(new EventEmitter(), {
      setPermissionRequestHandler: (handler: never) => (handlers.request = handler),
      setPermissionCheckHandler: (handler: never) => (handlers.check = handler),
      setDevicePermissionHandler: (handler: never) => (handlers.device = handler),
    });
    lockSession(session as unknown as Session);
    const call = (name: string, ...args: unknown[]) => (handlers[name] as (...a: unknown[]) => unknown)(...args);
    const request = (permission: string, requestingUrl: string) => {
      let answer: unknown = null;
      call('request', null, permission, (given: boolean) => (answer = given), { requestingUrl });
      return answer;
    };
    return { session, request, call };
  };

  it('lets only our own page reach the daemon, and denies everything else', () => {
    const { request, call } = locked();
    expect(request('loopback-network', 'app://console/index.html')).toBe(true);
    expect(request('local-network-access', 'app://console/index.html')).toBe(true);
    expect(request('loopback-network', 'https://elsewhere/')).toBe(false);
    expect(request('media', 'app://console/index.html')).toBe(false);
    expect(call('check', null, 'loopback-network', 'app://console')).toBe(true);
    expect(call('check', null, 'clipboard-read', 'app://console')).toBe(false);
    expect(call('device', {})).toBe(false);
  });

  it('stops downloads', () => {
    const { session } = locked();
    let prevented = false;
    session.emit('will-download', { preventDefault: () => (prevented = true) });
    expect(prevented).toBe(true);
  });
});

describe('isTrustedSender', () => {
  const mainFrame = { url: 'app://console/index.html' };
  const window = { isDestroyed: () => false, webContents: { id: 1, mainFrame } };
  const isTrusted = (sender: { id: number }, senderFrame: { url: string } | null, of: object | null = window) =>
    isTrustedSender({ sender, senderFrame } as unknown as IpcMainInvokeEvent, of as BrowserWindow | null);

  it('trusts the main frame of the window and nobody else', () => {
    expect(isTrusted({ id: 1 }, mainFrame)).toBe(true);
    expect(isTrusted({ id: 2 }, mainFrame)).toBe(false);
    expect(isTrusted({ id: 1 }, { url: mainFrame.url })).toBe(false);
    expect(isTrusted({ id: 1 }, null)).toBe(false);
    expect(isTrusted({ id: 1 }, mainFrame, null)).toBe(false);
    expect(isTrusted({ id: 1 }, mainFrame, { ...window, isDestroyed: () => true })).toBe(false);
  });

  it('does not trust the window after it has left our origin', () => {
    const elsewhere = { url: 'https://elsewhere/' };
    expect(isTrusted({ id: 1 }, elsewhere, { ...window, webContents: { id: 1, mainFrame: elsewhere } })).toBe(false);
  });
});

describe('preload', () => {
  it('calls the channel that the main process answers', () => {
    const source = readFileSync(new URL('../preload/preload.cts', import.meta.url), 'utf8');
    expect([...source.matchAll(/invoke\('([^']+)'/g)].map((match) => match[1])).toEqual([FEED_ADDRESS_CHANNEL]);
  });
});
