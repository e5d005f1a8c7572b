import { type ReactElement, useEffect, useRef } from 'react';
import type { MessageId } from '../../common/messages/index.js';
import { useFormat } from '../format.js';
import { THEMES, type ThemeChoice } from '../theme.js';

const KEYS: readonly { keys: readonly string[]; id: MessageId }[] = [
  { keys: ['F1'], id: 'help.key.help' },
  { keys: ['F2'], id: 'help.key.run' },
  { keys: ['help.space'], id: 'help.key.freeze' },
  { keys: ['←', '→'], id: 'help.key.film' },
  { keys: ['N'], id: 'help.key.next' },
  { keys: ['B'], id: 'help.key.boxes' },
  { keys: ['+', '−', '0'], id: 'help.key.zoom' },
];

/** Keys and appearance. The native dialog element keeps the focus inside and closes with Escape. */
export function HelpDialog(props: {
  isOpen: boolean;
  onClose: () => void;
  theme: ThemeChoice;
  onTheme: (theme: ThemeChoice) => void;
}): ReactElement {
  const { text } = useFormat();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (props.isOpen && !dialog.open) dialog.showModal();
    if (!props.isOpen && dialog.open) dialog.close();
  }, [props.isOpen]);
  return (
    <dialog ref={ref} className="dialog help" aria-labelledby="help-title" onClose={props.onClose}>
      <header>
        <h2 id="help-title">{text('help.title')}</h2>
      </header>
      <h3>{text('help.keys')}</h3>
      <dl>
        {KEYS.map(({ keys, id }) => (
          <div key={id}>
            <dt translate="no">
              {keys.map((key) => (
                <span key={key} className="kbd">
                  {key === 'help.space' ? text('help.space') : key}
                </span>
              ))}
            </dt>
            <dd>{text(id)}</dd>
          </div>
        ))}
      </dl>
      <h3>{text('help.theme')}</h3>
      {/* biome-ignore lint/a11y/useSemanticElements: pressed buttons in one frame, not a form */}
      <div className="seg" role="group" aria-label={text('help.theme')}>
        {THEMES.map((theme) => (
          <button key={theme} type="button" aria-pressed={theme === props.theme} onClick={() => props.onTheme(theme)}>
            {text(`help.theme.${theme}`)}
          </button>
        ))}
      </div>
      <p className="cap">{text('help.safety')}</p>
      <footer>
        <button type="button" className="btn lg primary" onClick={props.onClose}>
          {text('help.close')}
        </button>
      </footer>
    </dialog>
  );
}
