/** Name of the one IPC method between page and desktop shell. */
export const FEED_ADDRESS_CHANNEL = 'console:feed-address';

/** Answer of the shell: where to connect now, or why it cannot say. */
export type FeedAddress =
  | { url: string; problem: null }
  | { url: null; problem: { code: string; message: string; help: string } };

/** What the desktop shell's preload puts into the page as `plumblineShell`; absent in a browser. */
export interface ShellBridge {
  feedAddress(): Promise<FeedAddress>;
}
