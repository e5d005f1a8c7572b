import { feedUrlOf } from '../../common/feed-url.js';
import type { FeedAddress, ShellBridge } from '../../common/shell-bridge.js';

declare global {
  interface Window {
    plumblineShell?: ShellBridge;
  }
}

/**
 * Where to connect, asked before every attempt. In a browser the daemon's cookie is all it takes; it changes when the
 * daemon starts anew, and asking for the page again renews it. In the desktop shell the token comes with the address.
 * @param isRetry true after a failed or lost connection
 */
export async function findFeedAddress(isRetry: boolean): Promise<FeedAddress> {
  if (window.plumblineShell) return window.plumblineShell.feedAddress();
  // A daemon that is down is reported by the connection itself.
  if (isRetry) await fetch('./', { cache: 'no-store' }).catch(() => null);
  return { url: feedUrlOf(location.origin), problem: null };
}
