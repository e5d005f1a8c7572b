import type { ReactElement } from 'react';
import { LOCALES, type Locale } from '../../common/messages/index.js';
import { useLine, useLineStore } from '../feed/use-line.js';
import { useFormat } from '../format.js';
import { Icon } from '../icons.js';

/** What runs here: line, recipe, model; the view's live switch, clock, access and language. */
export function TopBar(props: {
  locale: Locale;
  onLocale: (locale: Locale) => void;
  onHelp: () => void;
}): ReactElement {
  const { locale, onLocale, onHelp } = props;
  const { text } = useFormat();
  const lineId = useLine((s) => s.status?.lineId);
  const isDemo = useLine((s) => s.status?.demo ?? false);
  const recipe = useLine((s) => s.status?.recipe);
  const model = useLine((s) => s.status?.model);
  const none = text('top.noValue');
  return (
    <header className="top">
      <button type="button" className="logo" title={text('top.help')} aria-label={text('top.help')} onClick={onHelp}>
        <Logo />
      </button>
      <div data-testid="line">
        <span className="cap">
          {text('top.line')}
          {isDemo && <span className="tag">{text('top.demo')}</span>}
        </span>
        <span className="v" translate="no">
          {lineId ?? none}
        </span>
      </div>
      <div data-testid="recipe">
        <span className="cap">
          {text('top.recipe')}{' '}
          <span className="id" translate="no">
            {recipe?.configurationId}
          </span>
        </span>
        <span className="v" translate="no">
          {recipe?.id || none}
        </span>
      </div>
      <div data-testid="model">
        <span className="cap">
          {text('top.model')}{' '}
          <span className="id" translate="no">
            {model?.sha256 && `sha256 ${model.sha256.slice(0, 8)}`}
          </span>
        </span>
        <span className="v" translate="no">
          {model?.id ? `${model.id} ${model.version}` : none}
        </span>
      </div>
      <LiveSwitch />
      <Clock />
      <div className="access" title={text('top.readOnlyWhy')} data-testid="access">
        <span className="cap">
          <Icon name="user" size="s" />
          {text('top.access')}
        </span>
        <span className="v">
          <span className="ro">{text('top.readOnly')}</span>
        </span>
      </div>
      <div className="lang">
        <span className="v" translate="no" aria-hidden="true">
          {LOCALES.find((known) => known.locale === locale)?.short ?? locale}
        </span>
        <Icon name="chevron" size="s" />
        <select
          aria-label={text('top.language')}
          value={locale}
          onChange={(event) => onLocale(event.currentTarget.value as Locale)}
        >
          {LOCALES.map((known) => (
            <option key={known.locale} value={known.locale} translate="no">
              {known.name}
            </option>
          ))}
          {locale === 'en-XA' && (
            <option value="en-XA" translate="no">
              en-XA
            </option>
          )}
        </select>
      </div>
    </header>
  );
}

function LiveSwitch(): ReactElement {
  const { text } = useFormat();
  const store = useLineStore();
  const isFrozen = useLine((s) => s.mode === 'frozen');
  const canFreeze = useLine((s) => s.shown !== null);
  return (
    <div className="livebox">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a grid of two buttons with one border */}
      <div className={`live${isFrozen ? ' frozen' : ''}`} role="group" aria-label={text('top.view')}>
        <button type="button" aria-pressed={!isFrozen} onClick={() => store.goLive()}>
          <Icon name="live" size="s" />
          {text('top.live')}
        </button>
        <button
          type="button"
          aria-pressed={isFrozen}
          disabled={!canFreeze}
          onClick={() => {
            if (!isFrozen) store.toggleFreeze();
          }}
        >
          <Icon name="freeze" size="s" />
          {text(isFrozen ? 'top.frozen' : 'top.freeze')}
        </button>
      </div>
    </div>
  );
}

function Clock(): ReactElement {
  const { time, day, text } = useFormat();
  const nowS = useLine((s) => s.nowS);
  return (
    <div className="clock" translate="no" data-testid="clock">
      <span className="v">{nowS === null ? text('top.noValue') : time(nowS * 1000)}</span>
      <span className="cap">{nowS === null ? '' : day(nowS * 1000)}</span>
    </div>
  );
}

function Logo(): ReactElement {
  return (
    <svg
      width="34"
      height="40"
      viewBox="0 0 34 40"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      aria-hidden="true"
    >
      <path d="M5 3h24" strokeWidth="3" />
      <path d="M17 3v17" />
      <path d="M10.5 20h13l-2.5 8-4 9-4-9z" fill="currentColor" strokeLinejoin="round" />
    </svg>
  );
}
