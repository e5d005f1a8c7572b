import type { ReactElement } from 'react';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { VerdictShape } from '../icons.js';

/** Parts since the service started. Dimmed while they are as old as a lost connection. */
export function Counters(): ReactElement {
  const { text, integer } = useFormat();
  const counts = useLine((s) => s.status?.counts);
  const isOld = useLine((s) => s.view.isOld);
  const show = (value: number | undefined) => (value === undefined ? text('top.noValue') : integer(value));
  return (
    <section className={`tiles${isOld ? ' old' : ''}`} aria-label={text('counts.label')} title={text('counts.label')}>
      <Tile
        id="total"
        label={text('counts.total')}
        value={show(counts && counts.ok + counts.notOk + counts.notDecidable)}
      />
      <Tile
        id="good"
        label={text('counts.good')}
        value={show(counts?.ok)}
        mark={<VerdictShape word="PASS" className="mk ok" />}
      />
      <Tile
        id="ng"
        label={text('counts.ng')}
        value={show(counts?.notOk)}
        mark={<VerdictShape word="NG" className="mk ng" />}
      />
      <Tile
        id="trigger"
        label={text('counts.trigger')}
        value={show(counts && counts.triggerErrors + counts.notDecidable)}
        mark={<VerdictShape word="ERROR" className="mk nd" />}
      />
    </section>
  );
}

function Tile(props: { id: string; label: string; value: string; mark?: ReactElement }): ReactElement {
  return (
    <div className="tile">
      <span className="cap">
        {props.mark}
        {props.label}
      </span>
      <b translate="no" data-testid={`count-${props.id}`}>
        {props.value}
      </b>
    </div>
  );
}
