import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { LineView } from '../../common/line-view.js';
import { isRejecting, rejectThresholdOf } from '../../common/reject-rules.js';
import type { VerdictWord } from '../../common/verdict.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { VerdictShape } from '../icons.js';

const TONE: Record<VerdictWord, string> = {
  PASS: 'ok',
  NG: 'ng',
  ERROR: 'nd',
  STALE: 'stale',
  IDLE: 'none',
  WAIT: 'none',
};

/** The verdict of the newest result as word, shape and polarity; suspended when its source is gone. */
export function VerdictBlock(): ReactElement {
  const { text, integer, fixed } = useFormat();
  const view = useLine((s) => s.view);
  const result = useLine((s) => s.result);
  const status = useLine((s) => s.status);
  const { word } = view;
  const threshold = rejectThresholdOf(status);
  const defects = result ? result.detections.filter((d) => isRejecting(d, threshold)).length : 0;
  const isLong = word === 'ERROR' || word === 'STALE';
  const hasResult = view.phase === 'running' && result !== null;
  return (
    <div className={`verdict ${TONE[word]}`} data-testid="verdict" data-word={word} data-phase={view.phase}>
      <div className={`face${isLong ? ' long' : ''}`}>
        <VerdictShape word={word} />
        <span className="word" translate="no">
          {text(`word.${word}`)}
        </span>
      </div>
      <div className="meta">
        {hasResult ? (
          <>
            <span className="strong">
              {word === 'ERROR' ? text('verdict.reason.notDecidable') : text('verdict.defects', { count: defects })}
            </span>
            <span className="cap id ell" translate={view.code ? 'no' : undefined}>
              {view.code ??
                text('verdict.part', {
                  seq: result.seq,
                  ms: result.processingMs < 10 ? fixed(result.processingMs, 1) : integer(result.processingMs),
                })}
            </span>
          </>
        ) : (
          <>
            <span className="reason ell">{reasonOf(view, text)}</span>
            <span className="cap id ell" translate="no">
              {view.code}
            </span>
          </>
        )}
      </div>
      <Announcer word={word} defects={hasResult ? defects : 0} />
    </div>
  );
}

function reasonOf(view: LineView, text: ReturnType<typeof useFormat>['text']): string {
  if (view.phase === 'running') return text('verdict.reason.starting');
  if (view.phase === 'stale' && (view.isOld || view.ageS === null)) return text('verdict.reason.silent');
  return text(`verdict.reason.${view.phase}`, { age: view.ageS ?? 0 });
}

const ANNOUNCE_MS = 1_000;

/** Polite live region: tells a new word or count of defects at most once a second. */
function Announcer({ word, defects }: { word: VerdictWord; defects: number }): ReactElement {
  const { text } = useFormat();
  const [spoken, setSpoken] = useState({ line: '', isWord: true });
  const isWord = word !== 'PASS' && word !== 'NG';
  const lastMs = useRef(Number.NEGATIVE_INFINITY);
  const line =
    word === 'PASS' || word === 'NG'
      ? text('verdict.announce', { word: text(`word.${word}`), count: defects })
      : text(`word.${word}`);
  useEffect(() => {
    const waitMs = Math.max(0, lastMs.current + ANNOUNCE_MS - performance.now());
    const timer = setTimeout(() => {
      lastMs.current = performance.now();
      setSpoken({ line, isWord });
    }, waitMs);
    return () => clearTimeout(timer);
  }, [line, isWord]);
  return (
    <div className="sr" role="status" data-testid="verdict-live" translate={spoken.isWord ? 'no' : undefined}>
      {spoken.line}
    </div>
  );
}
