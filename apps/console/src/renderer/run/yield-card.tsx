import type { CSSProperties, ReactElement } from 'react';
import { totalsOf, yieldAxis, yieldPercent } from '../../common/yield-chart.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';

/** Yield as a position between the axis' low end and 100 %, against the target. */
export function YieldCard(): ReactElement {
  const { text, fixed } = useFormat();
  const counts = useLine((s) => s.status?.counts);
  const yieldTarget = useLine((s) => s.status?.yieldTarget);
  const isOld = useLine((s) => s.view.isOld);
  const percent = counts ? yieldPercent(totalsOf(counts)) : null;
  const target = yieldTarget === undefined ? null : yieldTarget * 100;
  const axis = yieldAxis([percent ?? 100, target ?? 100], 90);
  const at = (value: number) => (value - axis.lo) / (axis.hi - axis.lo);
  const isBelow = percent !== null && target !== null && percent < target;
  const bar = { '--v': percent === null ? 0 : at(percent), '--lo': target === null ? 0 : at(target), '--hi': 1 };
  return (
    <div className={`card yield${isOld ? ' old' : ''}`} data-testid="yield" data-below={isBelow}>
      <span className="big">
        <span translate="no" data-testid="yield-value">
          {percent === null ? text('top.noValue') : fixed(percent, 1)}
        </span>{' '}
        <span className="dim">{text('yield.unit')}</span>
      </span>
      <span className="cap ends">
        <span>{text('yield.label')}</span>
        <span>{target !== null && text('yield.target', { target: fixed(target, 1) })}</span>
      </span>
      <span className="sc" aria-hidden="true">
        {percent !== null && <span className="analog" style={bar as CSSProperties} />}
        {percent === null && <span className="analog empty" />}
        {target !== null && <i className="tick" style={{ '--t': at(target) } as CSSProperties} />}
      </span>
    </div>
  );
}
