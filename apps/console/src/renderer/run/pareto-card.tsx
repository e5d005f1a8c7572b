import type { CSSProperties, ReactElement } from 'react';
import { topClasses } from '../../common/yield-chart.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';

const SHOWN = 5;

/** The most frequent defect classes since the service started. */
export function ParetoCard(): ReactElement {
  const { text, integer, fixed } = useFormat();
  const pareto = useLine((s) => s.status?.pareto);
  const isOld = useLine((s) => s.view.isOld);
  const classes = topClasses(pareto ?? [], SHOWN);
  const more = (pareto?.length ?? 0) - classes.length;
  return (
    <section className={`card${isOld ? ' old' : ''}`} data-testid="pareto">
      <header>
        <h2>{text('pareto.title')}</h2>
        <span className="cap grow end">{more > 0 ? text('pareto.more', { count: more }) : text('pareto.note')}</span>
      </header>
      <div className="body">
        {classes.length === 0 ? (
          <p className="cap empty">{text('pareto.empty')}</p>
        ) : (
          <ul className="pareto">
            {classes.map(({ name, count, share, bar }) => (
              <li key={name} translate="no">
                <span className="ell">{name}</span>
                <span className="bar" aria-hidden="true">
                  <i style={{ '--v': bar } as CSSProperties} />
                </span>
                <b>{integer(count)}</b>
                <em>{fixed(share * 100, 1)} %</em>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
