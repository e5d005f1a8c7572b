import type { ReactElement } from 'react';
import type { MessageId } from '../../common/messages/index.js';
import { useLine } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { Icon, type IconName } from '../icons.js';

/** The seven destinations in the order of their keys F2 to F8; this version has the first. */
export const SCREENS: readonly { name: MessageId; icon: IconName; isPresent: boolean }[] = [
  { name: 'screen.run', icon: 'run', isPresent: true },
  { name: 'screen.review', icon: 'review', isPresent: false },
  { name: 'screen.alarms', icon: 'alarms', isPresent: false },
  { name: 'screen.trends', icon: 'trends', isPresent: false },
  { name: 'screen.recipes', icon: 'recipes', isPresent: false },
  { name: 'screen.system', icon: 'system', isPresent: false },
  { name: 'screen.user', icon: 'user', isPresent: false },
];

/** @param onAbsent called with the name of a destination that this version lacks, so that touching it says so */
export function Rail({ onAbsent }: { onAbsent: (screen: string) => void }): ReactElement {
  const { text } = useFormat();
  const alarmCount = useLine((s) => s.alarms.length);
  return (
    <nav className="rail" aria-label={text('rail.label')}>
      {SCREENS.map(({ name, icon, isPresent }, i) =>
        isPresent ? (
          <a key={name} href="#run" aria-current="page">
            <Icon name={icon} size="l" />
            {text(name)}
            <small translate="no">F{i + 2}</small>
          </a>
        ) : (
          <button
            key={name}
            type="button"
            aria-disabled="true"
            title={text('rail.absent', { screen: text(name) })}
            onClick={() => onAbsent(text(name))}
          >
            <Icon name={icon} size="l" />
            {text(name)}
            <small>
              <Icon name="lock" size="s" />
              <span translate="no">F{i + 2}</span>
            </small>
            {name === 'screen.alarms' && alarmCount > 0 && (
              <span className="cnt" title={text('rail.present', { count: alarmCount })} translate="no">
                {alarmCount}
              </span>
            )}
          </button>
        ),
      )}
    </nav>
  );
}
