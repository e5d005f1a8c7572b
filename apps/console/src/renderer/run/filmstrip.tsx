import type { FeedPictureHeader, LineStatus, WireDetection } from '@plumbline/contract';
import { type ReactElement, useCallback } from 'react';
import { NG_LIMIT } from '../../common/ng-list.js';
import { isRejecting, rejectThresholdOf } from '../../common/reject-rules.js';
import { cropAround } from '../../common/viewport.js';
import { prepare } from '../canvas/frame-player.js';
import type { NgItem } from '../feed/line-store.js';
import { useLine, useLineStore } from '../feed/use-line.js';
import { useFormat } from '../format.js';

/** The last 20 NG parts, newest first. Choosing one freezes the view on it. */
export function Filmstrip(): ReactElement {
  const { text } = useFormat();
  const items = useLine((s) => s.ng);
  const current = useLine((s) => s.selectedNg ?? s.shown?.resultId ?? null);
  return (
    <section className="card strip" aria-label={text('film.title')} data-testid="film">
      <header>
        <h2>{text('film.title')}</h2>
        <span className="cap grow">{text('film.note')}</span>
        <span className="cap row keys">
          <span className="kbd" translate="no">
            ←
          </span>
          <span className="kbd" translate="no">
            →
          </span>{' '}
          {text('film.select')}{' '}
          <span className="kbd gap" translate="no">
            N
          </span>{' '}
          {text('film.next')}
        </span>
      </header>
      <div className="film">
        {items.map((item) => (
          <FilmItem key={item.header.resultId} item={item} isCurrent={item.header.resultId === current} />
        ))}
        {Array.from({ length: NG_LIMIT - items.length }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: empty places have nothing but their position
          <span key={i} className="place" aria-hidden="true" />
        ))}
        {items.length === 0 && <p className="cap nothing">{text('film.empty')}</p>}
      </div>
    </section>
  );
}

function FilmItem({ item, isCurrent }: { item: NgItem; isCurrent: boolean }): ReactElement {
  const { text, hourMinute, time } = useFormat();
  const store = useLineStore();
  const { header } = item;
  const worst = rejectingDetection(header, store.getState().status);
  const draw = useCallback(
    (canvas: HTMLCanvasElement | null) => {
      if (canvas) drawThumb(canvas, item, rejectingDetection(item.header, store.getState().status));
    },
    [item, store],
  );
  return (
    <button
      type="button"
      className="item"
      aria-current={isCurrent || undefined}
      data-result={header.resultId}
      aria-label={
        worst
          ? text('film.item', { time: time(header.capturedAtMs), name: worst.class })
          : text('film.itemPlain', { time: time(header.capturedAtMs) })
      }
      onClick={() => store.selectNg(header.resultId)}
    >
      <canvas ref={draw} className="th" />
      <span translate="no">{hourMinute(header.capturedAtMs)}</span>
      <span className="cls ell" translate="no">
        {worst?.class}
      </span>
    </button>
  );
}

/** The detection that made the part NG: the most confident of those that the rules reject. */
function rejectingDetection(header: FeedPictureHeader, status: LineStatus | null): WireDetection | undefined {
  const threshold = rejectThresholdOf(status);
  return header.detections.find((detection) => isRejecting(detection, threshold)) ?? header.detections[0];
}

/** Draws the surroundings of one detection once; thumbnails never change. */
function drawThumb(canvas: HTMLCanvasElement, { header, bitmap }: NgItem, worst: WireDetection | undefined): void {
  const side = canvas.clientWidth;
  const context = prepare(canvas, { width: side, height: side });
  if (!context) return;
  const toPreview = bitmap.width / header.image.width;
  const box = worst?.bbox ?? { x: 0, y: 0, width: header.image.width, height: header.image.height };
  const crop = cropAround(
    { x: box.x * toPreview, y: box.y * toPreview, width: box.width * toPreview, height: box.height * toPreview },
    { width: bitmap.width, height: bitmap.height },
    Math.min(64, bitmap.width),
  );
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, crop.x, crop.y, crop.width, crop.height, 0, 0, side, side);
}
