import type { FeedPictureHeader, LineStatus } from '@plumbline/contract';
import { rejectingFirst, rejectThresholdOf } from '../../common/reject-rules.js';
import type { FramePlayer } from '../canvas/frame-player.js';
import { FeedClient, type FindFeedAddress } from './feed-client.js';
import type { LineStore } from './line-store.js';

/** Leads the feed into store and player, and the store's view choices (freeze, zoom, boxes) to the player. */
export function connectLine(findAddress: FindFeedAddress, store: LineStore, player: FramePlayer): FeedClient {
  let decoding = Promise.resolve();
  // Thumbnails are decoded one after the other, so that the filmstrip keeps the order of the feed.
  const addNg = (header: FeedPictureHeader, jpeg: Uint8Array<ArrayBuffer>) => {
    decoding = decoding
      .then(() => createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' })))
      .then((bitmap) => store.ngReceived({ header, bitmap }))
      .catch(() => {
        player.counts.undecodable += 1;
      });
  };

  let shownNg: string | null = null;
  let isFrozen = false;
  let thresholdStatus: LineStatus | null = null;
  let thresholdText = '';
  let threshold = rejectThresholdOf(null);
  store.subscribe(() => {
    const { mode, selectedNg, hasBoxes, zoom, selectedDetection, status } = store.getState();
    if (status !== thresholdStatus) {
      thresholdStatus = status;
      const text = JSON.stringify([status?.rules, status?.model.scoreThreshold]);
      // The same function as long as the rules are the same: another one means drawing the boxes again.
      if (text !== thresholdText) threshold = rejectThresholdOf(status);
      thresholdText = text;
    }
    player.setOptions({ hasBoxes, zoom, selectedDetection, threshold });
    if (mode === 'frozen' && !isFrozen) player.pause();
    if (mode === 'live' && isFrozen) player.resume();
    isFrozen = mode === 'frozen';
    if (selectedNg !== shownNg) {
      shownNg = selectedNg;
      const item = store.selectedItem();
      if (item) player.show(item.header, item.bitmap);
    }
  });

  return new FeedClient(findAddress, {
    onOpen: () => store.opened(),
    onAddress: (address) => store.addressFound(address),
    onClosed: (attempt) => store.closed(attempt),
    onStatus: (status) => store.statusReceived(status),
    onPicture: (received, jpeg) => {
      const threshold = rejectThresholdOf(store.getState().status);
      const header = { ...received, detections: rejectingFirst(received.detections, threshold) };
      if (header.type === 'ng') {
        addNg(header, jpeg);
        return;
      }
      store.resultReceived(header);
      player.push(header, jpeg);
    },
    // Kept out of the operator's sight: the next good message follows within a second, or the view goes stale.
    onBadMessage: (reason) => console.warn(`feed message ignored: ${reason}`),
  });
}
