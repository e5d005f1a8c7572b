import type { CSSProperties, ReactElement } from 'react';
import {
  type Analogue,
  cameraRate,
  diskShare,
  droppedFrames,
  latency,
  outboxDepth,
  type Reading,
  readingPriority,
} from '../../common/health.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { Icon } from '../icons.js';

/** Track with normal band and pointer; decorative beside the figure that says the same. */
export function AnalogueBar({ bar, kind }: { bar: Analogue; kind?: 'fill' }): ReactElement {
  const style = { '--v': bar.value, '--lo': bar.bandLo, '--hi': bar.bandHi } as CSSProperties;
  return <span className={`analog${kind ? ' fill' : ''}`} style={style} aria-hidden="true" />;
}

const NOTHING: Analogue = { value: 0, bandLo: 0, bandHi: 0 };

/** Six health readings, always in the same order; a dash where nothing is known. */
export function BottomBar(): ReactElement {
  const { text, fixed, integer } = useFormat();
  const status = useLine((s) => s.status);
  const isOld = useLine((s) => s.view.isOld);
  const peakFps = useLine((s) => s.peakFps);
  const known = isOld ? null : status;
  const none = text('top.noValue');
  const alarms = useLine((s) => s.alarms);
  const mark = (reading: Reading) => ({
    'data-testid': `foot-${reading}`,
    'data-p': readingPriority(alarms, reading) ?? undefined,
  });
  const dropped = known && droppedFrames(known);
  const disk = known && diskShare(known.disk);
  return (
    <footer className="foot">
      <div {...mark('camera')}>
        {text('foot.camera')} <AnalogueBar bar={known ? cameraRate(known.camera.framesPerSecond, peakFps) : NOTHING} />
        <b>
          <span translate="no">{known ? fixed(known.camera.framesPerSecond, 1) : none}</span>{' '}
          <span className="unit">{text('foot.fps')}</span>
        </b>
      </div>
      <div {...mark('latency')}>
        {text('foot.latency')} <AnalogueBar bar={known?.latencyMs ? latency(known.latencyMs.p95) : NOTHING} />
        <b>
          <span translate="no">{known?.latencyMs ? integer(known.latencyMs.p95) : none}</span>{' '}
          <span className="unit">{text('foot.ms')}</span>
        </b>
      </div>
      <div {...mark('dropped')}>
        {text('foot.dropped')} <AnalogueBar bar={dropped?.bar ?? NOTHING} />
        <b translate="no">{dropped ? integer(dropped.count) : none}</b>
      </div>
      <div {...mark('outbox')}>
        {text('foot.outbox')} <AnalogueBar bar={known ? outboxDepth(known.outbox.depth) : NOTHING} />
        <b translate="no">{known ? integer(known.outbox.depth) : none}</b>
      </div>
      <div {...mark('broker')} data-state={known?.broker.state ?? 'unknown'}>
        <Icon name="broker" size="s" />
        {text('foot.broker')} <b>{known ? text(`foot.broker.${known.broker.state}`) : none}</b>
      </div>
      <div {...mark('disk')}>
        {text('foot.disk')}{' '}
        <AnalogueBar kind="fill" bar={disk === null || disk === undefined ? NOTHING : { ...NOTHING, value: disk }} />
        <b>
          <span translate="no">{known?.disk.freeBytes != null ? integer(known.disk.freeBytes / 1e9) : none}</span>{' '}
          <span className="unit">{text('foot.gbFree')}</span>
        </b>
      </div>
    </footer>
  );
}
