import type { ReactElement, ReactNode } from 'react';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { Icon } from '../icons.js';

/** What the well says over a dimmed or frozen picture, or in place of one. */
export function WellNotice(): ReactElement | null {
  const { text, time } = useFormat();
  const view = useLine((s) => s.view);
  const mode = useLine((s) => s.mode);
  const shown = useLine((s) => s.shown);
  if (mode === 'frozen' && shown) {
    return (
      <div className="stamp frozen" data-testid="stamp" translate="no">
        {time(shown.capturedAtMs)}
      </div>
    );
  }
  if (view.picture === 'dim' && shown) {
    return (
      <div className="stamp" data-testid="stamp">
        {view.phase === 'stale' ? (
          text('picture.age', { time: time(shown.capturedAtMs), age: view.ageS ?? 0 })
        ) : (
          <span translate="no">{time(shown.capturedAtMs)}</span>
        )}
      </div>
    );
  }
  if (view.picture === 'live' && shown) return null;
  return (
    <div className="notice" data-testid="notice">
      <NoticeText />
    </div>
  );
}

function NoticeText(): ReactNode {
  const { text, time } = useFormat();
  const phase = useLine((s) => s.view.phase);
  const lastNewsMs = useLine((s) => s.lastNewsMs);
  const attempt = useLine((s) => s.attempt);
  const downSinceMs = useLine((s) => s.cameraDownSinceMs);
  const host = useLine((s) => s.host);
  const addressProblem = useLine((s) => s.addressProblem);
  const nowS = useLine((s) => s.nowS);
  const problem = useLine((s) => s.status?.problems[0]);
  const why = addressProblem && (
    <span translate="no" data-testid="address-problem">
      {addressProblem.code}: {addressProblem.message}. {addressProblem.help}
    </span>
  );
  switch (phase) {
    case 'offline':
      return (
        <>
          <b>{lastNewsMs === null ? text('well.offlineNever') : text('well.offline', { time: time(lastNewsMs) })}</b>
          <span>{text('well.offlineRetry', { attempt })}</span>
          {why}
        </>
      );
    case 'connecting':
      return (
        <>
          <b>{text('well.connecting', { host: host })}</b>
          {attempt > 0 && <span>{text('well.offlineRetry', { attempt })}</span>}
          {why}
        </>
      );
    case 'cameraLost':
      return (
        <>
          <Icon name="cameraOff" size="l" />
          <b>
            {downSinceMs === null || nowS === null
              ? text('well.cameraLost')
              : text('well.cameraLostFor', { age: Math.max(0, nowS - Math.floor(downSinceMs / 1000)) })}
          </b>
        </>
      );
    case 'failed':
      return (
        <>
          <b>{text('well.failed')}</b>
          {problem && <span translate="no">{problem.message}</span>}
          {problem && <span translate="no">{problem.help}</span>}
        </>
      );
    case 'idle':
      return <b>{text('well.idle')}</b>;
    case 'stale':
      return <b>{text('well.silent')}</b>;
    case 'stopping':
      return <b>{text('well.stopping')}</b>;
    default:
      return <b>{text('well.starting')}</b>;
  }
}
