import type { ReactElement } from 'react';
import { totalsOf } from '../../common/yield-chart.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { VerdictShape } from '../icons.js';

/** Parts since the service started. Dimmed while they are as old as a lost connection. */
export function Counters(): ReactElement {
  const { text, integer } = useFormat();
  const counts = useLine((s) => s.status?.counts);
  const isOld = useLine((s) => s.view.isOld);
  const totals = counts && totalsOf(counts);
  const show = (value: number | undefined) => (value === undefined ? text('top.noValue') : integer(value));
  // One size for all four, so that they keep their lines when one of them gets longer.
  const digits = show(totals?.total).length;
  const size = digits <= 5 ? 'm' : digits <= 7 ? 's' : 'xs';
  return (
    <section
      className={`tiles${isOld ? ' old' : ''}`}
      data-size={size}
      aria-label={text('counts.label')}
      title={text('counts.label')}
    >
      <Tile id="total" label={text('counts.total')} value={show(totals?.total)} />
      <Tile
        id="good"
        label={text('counts.good')}
        value={show(totals?.good)}
        mark={<VerdictShape word="PASS" className="mk ok" />}
      />
      <Tile
        id="ng"
        label={text('counts.ng')}
        value={show(totals?.ng)}
        mark={<VerdictShape word="NG" className="mk ng" />}
      />
      <Tile
        id="trigger"
        label={text('counts.trigger')}
        value={show(totals?.triggerErrors)}
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
