import { type CSSProperties, type ReactElement, useMemo } from 'react';
import { layoutTrend } from '../../common/yield-chart.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';

const percentOf = (share: number) => `${(share * 100).toFixed(2)}%`;

/** Yield per minute over the last hour as one line against the dashed target. */
export function TrendCard(): ReactElement {
  const { text, fixed, integer, hourMinute } = useFormat();
  const entries = useLine((s) => s.status?.yieldTrend);
  const yieldTarget = useLine((s) => s.status?.yieldTarget);
  const isOld = useLine((s) => s.view.isOld);
  const minute = useLine((s) => (s.nowS === null ? null : Math.floor(s.nowS / 60)));
  const trend = useMemo(
    () =>
      entries && yieldTarget !== undefined && minute !== null
        ? layoutTrend(entries, yieldTarget, minute * 60_000)
        : null,
    [entries, yieldTarget, minute],
  );
  const target = yieldTarget === undefined ? '' : fixed(yieldTarget * 100, 1);
  const last = trend?.points[trend.points.length - 1];
  return (
    <section className={`card${isOld ? ' old' : ''}`} data-testid="trend" data-points={trend?.points.length ?? 0}>
      <header>
        <h2>{text('trend.title')}</h2>
        <span className="cap grow end">{target && text('trend.note', { target })}</span>
      </header>
      <div className="body">
        {!trend || !last ? (
          <p className="cap empty">{text('trend.empty')}</p>
        ) : (
          <div className="pl">
            <div className="pa">
              <svg
                className="plot"
                viewBox="0 0 1000 1000"
                preserveAspectRatio="none"
                role="img"
                aria-label={text('trend.label', { last: fixed(last.percent, 1), target })}
              >
                {trend.ticksY.map(({ percent, y }) => (
                  <path key={percent} className="grid" vectorEffect="non-scaling-stroke" d={`M0 ${y * 1000}H1000`} />
                ))}
                <path className="lim" vectorEffect="non-scaling-stroke" d={`M0 ${trend.targetY * 1000}H1000`} />
                {trend.lines.map((line) => (
                  <path
                    key={line[0]!.minuteMs}
                    className="s1"
                    vectorEffect="non-scaling-stroke"
                    d={`M${line.map((p) => `${(p.x * 1000).toFixed(1)},${(p.y * 1000).toFixed(1)}`).join(' ')}${line.length === 1 ? 'h0.1' : ''}`}
                  />
                ))}
              </svg>
              {trend.ticksY.map(({ percent, y }) => (
                <span key={percent} className="yl" translate="no" style={{ top: percentOf(y) } as CSSProperties}>
                  {integer(percent)}
                </span>
              ))}
              {trend.ticksX.map(({ minuteMs, x }) => (
                <span key={minuteMs} className="xl" translate="no" style={{ left: percentOf(x) } as CSSProperties}>
                  {hourMinute(minuteMs)}
                </span>
              ))}
            </div>
          </div>
        )}
      </div>
    </section>
  );
}
