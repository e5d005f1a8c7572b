import { type PointerEvent, type ReactElement, useCallback, useEffect, useRef, useState } from 'react';
import { pan, type Size, splitPicture } from '../../common/viewport.js';
import { useLine, useLineStore } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { Icon } from '../icons.js';
import { DetectionList } from './detection-list.js';
import { usePlayer } from './player-context.js';
import { WellNotice } from './well-notice.js';

/** The live picture with its tools, and the list of its detections beside or below it. */
export function PictureCard(): ReactElement {
  const { text } = useFormat();
  const areaRef = useRef<HTMLDivElement>(null);
  const area = useSize(areaRef);
  const width = useLine((s) => s.shown?.image.width ?? 1);
  const height = useLine((s) => s.shown?.image.height ?? 1);
  const split = area ? splitPicture({ width, height }, area) : null;
  return (
    <section className="card canvas" aria-label={text('picture.label')}>
      <Tools />
      <div className="split" ref={areaRef} data-list={split?.list ?? 'beside'}>
        {split && <Well size={split.well} />}
        <DetectionList />
      </div>
    </section>
  );
}

function Tools(): ReactElement {
  const { text, timeWithMs, integer } = useFormat();
  const store = useLineStore();
  const shown = useLine((s) => (s.view.picture === 'clear' && s.mode === 'live' ? null : s.shown));
  const cameraId = useLine((s) => s.status?.camera.id ?? s.shown?.cameraId ?? '');
  const hasBoxes = useLine((s) => s.hasBoxes);
  const factor = useLine((s) => s.zoom.factor);
  return (
    <header>
      <div className="names grow">
        <h2>{text('picture.camera', { camera: cameraId })}</h2>
        <span className="cap id ell" data-testid="caption" data-frame={shown?.frameId}>
          {shown
            ? text('picture.caption', {
                frame: shown.frameId,
                time: timeWithMs(shown.capturedAtMs),
                width: shown.image.width,
                height: shown.image.height,
              })
            : text('picture.none')}
        </span>
      </div>
      <button type="button" className="btn sm" aria-pressed={hasBoxes} onClick={() => store.toggleBoxes()}>
        <Icon name="boxes" />
        {text('picture.boxes')}{' '}
        <span className="kbd" translate="no">
          B
        </span>
      </button>
      <button
        type="button"
        className="btn icon"
        aria-label={text('picture.zoomOut')}
        onClick={() => store.stepZoom(-1)}
      >
        <Icon name="minus" />
      </button>
      <span className="zoom" data-testid="zoom">
        {factor === 1 ? text('picture.fit') : text('picture.zoom', { percent: integer(factor * 100) })}
      </span>
      <button type="button" className="btn icon" aria-label={text('picture.zoomIn')} onClick={() => store.stepZoom(1)}>
        <Icon name="plus" />
      </button>
      <button type="button" className="btn icon" aria-label={text('picture.fit')} onClick={() => store.stepZoom(0)}>
        <Icon name="fit" />
      </button>
    </header>
  );
}

function Well({ size }: { size: Size }): ReactElement {
  const { text } = useFormat();
  const store = useLineStore();
  const player = usePlayer();
  const picture = useLine((s) => (s.mode === 'frozen' ? 'frozen' : s.shown ? s.view.picture : 'clear'));
  const frameId = useLine((s) => s.shown?.frameId);
  const boxes = useLine((s) => (s.hasBoxes ? (s.shown?.detections.length ?? 0) : 0));
  const imageRef = useRef<HTMLCanvasElement>(null);
  const overlayRef = useRef<HTMLCanvasElement>(null);
  const dragFrom = useRef<{ x: number; y: number } | null>(null);

  useEffect(() => {
    player.attach(imageRef.current, overlayRef.current);
    return () => player.attach(null, null);
  }, [player]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the canvases are drawn anew when their size has changed
  useEffect(() => player.restyle(), [player, size.width, size.height]);

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const from = dragFrom.current;
    const { zoom, shown } = store.getState();
    if (!from || !shown || zoom.factor === 1) return;
    store.setZoom(pan(zoom, shown.image, size, event.clientX - from.x, event.clientY - from.y));
    dragFrom.current = { x: event.clientX, y: event.clientY };
  };
  return (
    <div
      className="well"
      data-testid="well"
      data-picture={picture}
      style={{ width: size.width, height: size.height }}
      onPointerDown={(event) => {
        dragFrom.current = { x: event.clientX, y: event.clientY };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        dragFrom.current = null;
      }}
    >
      <canvas
        ref={imageRef}
        className="image"
        role="img"
        aria-label={
          picture === 'clear' || !frameId
            ? text('picture.canvasEmpty')
            : text('picture.canvas', { frame: frameId, count: boxes })
        }
      />
      <canvas ref={overlayRef} className="overlay" />
      <WellNotice />
    </div>
  );
}

/** Content size of an element in CSS px, whole numbers; null before it is laid out. */
function useSize(ref: { current: HTMLElement | null }): Size | null {
  const [size, setSize] = useState<Size | null>(null);
  const measure = useCallback((entry: ResizeObserverEntry) => {
    const width = Math.floor(entry.contentRect.width);
    const height = Math.floor(entry.contentRect.height);
    setSize((old) => (old && old.width === width && old.height === height ? old : { width, height }));
  }, []);
  useEffect(() => {
    if (!ref.current) return;
    const observer = new ResizeObserver((entries) => measure(entries[entries.length - 1]!));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [ref, measure]);
  return size;
}
