import { type CSSProperties, type ReactElement, useCallback } from 'react';
import { isRejecting, rejectThresholdOf, sharedThreshold } from '../../common/reject-rules.js';
import { useLine, useLineStore } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { usePlayer } from './player-context.js';

/** The boxes of the shown frame as a table: what the canvas draws, for those who cannot see it. */
export function DetectionList(): ReactElement {
  const { text, fixed, integer } = useFormat();
  const store = useLineStore();
  const player = usePlayer();
  const attachMagnifier = useCallback((canvas: HTMLCanvasElement | null) => player.attachMagnifier(canvas), [player]);
  const shown = useLine((s) => (s.view.picture === 'clear' && s.mode === 'live' ? null : s.shown));
  const status = useLine((s) => s.status);
  const threshold = rejectThresholdOf(status);
  const shared = sharedThreshold(status);
  const selected = useLine((s) => s.selectedDetection);
  const isOld = useLine((s) => s.mode === 'live' && s.view.picture === 'dim');
  const detections = shown?.detections ?? [];
  const counted = detections.filter((d) => isRejecting(d, threshold)).length;
  const picked = detections[selected];
  let number = 0;
  return (
    <div className={`dl${isOld ? ' old' : ''}`}>
      <div className="rows">
        <table className="dets" data-frame={shown?.frameId}>
          <caption className="sr">{text('list.title')}</caption>
          <thead>
            <tr>
              <th>{text('list.number')}</th>
              <th>{text('list.class')}</th>
              <th colSpan={2} className="end">
                {text('list.confidence')}
              </th>
            </tr>
          </thead>
          <tbody>
            {detections.map((detection, rank) => {
              const isBelow = !isRejecting(detection, threshold);
              const label = isBelow ? '–' : String((number += 1));
              return (
                <tr
                  key={detection.detectionId}
                  className={isBelow ? 'below' : undefined}
                  data-selected={rank === selected || undefined}
                  data-testid="detection"
                >
                  <td>
                    <button
                      type="button"
                      className="n"
                      aria-pressed={rank === selected}
                      aria-label={text('list.show', {
                        number: isBelow ? text('list.below') : label,
                        name: detection.class,
                        score: fixed(detection.confidence, 2),
                      })}
                      onClick={() => store.selectDetection(rank)}
                      translate="no"
                    >
                      {label}
                    </button>
                  </td>
                  <td translate="no" className="ell">
                    {detection.class}
                  </td>
                  <td>
                    <span
                      className="score"
                      style={
                        { '--v': detection.confidence, '--t': Math.min(1, threshold(detection.class)) } as CSSProperties
                      }
                      aria-hidden="true"
                    >
                      <i />
                      <u />
                    </span>
                  </td>
                  <td className="num" translate="no">
                    {fixed(detection.confidence, 2)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {detections.length === 0 && <p className="cap empty">{text(shown ? 'list.empty' : 'list.noFrame')}</p>}
      </div>
      <div className="mag" data-empty={!picked || undefined}>
        <canvas ref={attachMagnifier} role="img" aria-label={text('picture.magnified', { number: selected + 1 })} />
      </div>
      <div className="ft cap">
        <span>
          {shown
            ? shared === null
              ? text('list.countedByRules', { count: counted, below: detections.length - counted })
              : text('list.counted', {
                  count: counted,
                  below: detections.length - counted,
                  threshold: fixed(shared, 2),
                })
            : ''}
        </span>
        <span className="id">
          {picked
            ? text('list.box', {
                name: picked.class,
                width: integer(picked.bbox.width),
                height: integer(picked.bbox.height),
                x: integer(picked.bbox.x),
                y: integer(picked.bbox.y),
              })
            : ''}
        </span>
      </div>
    </div>
  );
}
