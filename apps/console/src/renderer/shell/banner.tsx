import type { ReactElement } from 'react';
import type { Alarm } from '../../common/alarms.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { Flag, Icon } from '../icons.js';

/** The one highest present problem: what, why, what to do, since when, how many. Always there, grey when empty. */
export function Banner(): ReactElement {
  const { text, time } = useFormat();
  const alarms = useLine((s) => s.alarms);
  const alarm = alarms[0];
  const words = useAlarmWords(alarm);
  return (
    <section
      className="banner"
      data-p={alarm?.priority}
      data-alarm={alarm?.kind}
      aria-label={text('banner.label')}
      data-testid="banner"
    >
      <div className="flagcell">
        {alarm ? (
          <Flag priority={alarm.priority} label={text('banner.priority', { priority: alarm.priority })} />
        ) : (
          <Icon name="tick" />
        )}
      </div>
      <div className="what">
        {words ? (
          <>
            <b>{words.title}</b>
            <span className="why" title={`${words.cause} ${words.action}`}>
              <span translate={words.isData ? 'no' : undefined}>{words.cause}</span>{' '}
              <span translate={words.isData ? 'no' : undefined}>{words.action}</span>
            </span>
          </>
        ) : (
          <span>{text('banner.none')}</span>
        )}
      </div>
      <div className="since">{alarm?.sinceMs ? text('banner.since', { time: time(alarm.sinceMs) }) : ''}</div>
      <div className="count">{alarm ? text('banner.count', { count: alarms.length }) : text('banner.noneMore')}</div>
      <div className="lockcell" title={text('top.readOnlyWhy')}>
        <Icon name="lock" />
        <span>{text('banner.locked')}</span>
      </div>
      <div className="sr" role="alert" data-testid="alert">
        {words && alarm && alarm.priority === 1 ? `${words.title}. ${words.action}` : ''}
      </div>
    </section>
  );
}

interface AlarmWords {
  title: string;
  cause: string;
  action: string;
  /** True when cause and action are the daemon's words, which are not translated. */
  isData: boolean;
}

function useAlarmWords(alarm: Alarm | undefined): AlarmWords | null {
  const { text, time, integer } = useFormat();
  const depth = useLine((s) => s.status?.outbox.depth ?? 0);
  const freeBytes = useLine((s) => s.status?.disk.freeBytes ?? null);
  const camera = useLine((s) => s.status?.camera);
  const lastNewsMs = useLine((s) => s.lastNewsMs);
  if (!alarm) return null;
  const titles: Record<Alarm['kind'], string> = {
    runtimeOffline: text('alarm.runtimeOffline'),
    lineFailed: text('alarm.lineFailed'),
    camera: text(camera?.state === 'down' ? 'alarm.camera' : 'alarm.cameraDegraded'),
    image: text('alarm.image'),
    detector: text('alarm.detector'),
    inspection: text('alarm.inspection'),
    overrun: text('alarm.overrun'),
    broker: text('alarm.broker', { count: depth }),
    store: text('alarm.store'),
    disk: freeBytes === null ? text('alarm.disk') : text('alarm.diskFree', { gigabytes: integer(freeBytes / 1e9) }),
    other: text('alarm.other'),
  };
  const title = titles[alarm.kind];
  if (alarm.cause !== null) return { title, cause: alarm.cause, action: alarm.action ?? '', isData: true };
  const own: Partial<Record<Alarm['kind'], [string, string]>> = {
    runtimeOffline: [
      lastNewsMs === null ? text('alarm.runtimeOfflineText') : `${text('well.offline', { time: time(lastNewsMs) })}.`,
      text('alarm.runtimeOfflineAction'),
    ],
    camera: [text('alarm.cameraText', { camera: camera?.id ?? '' }), ''],
    broker: [text('alarm.brokerText'), ''],
  };
  const [cause, action] = own[alarm.kind] ?? ['', ''];
  return { title, cause, action, isData: false };
}
