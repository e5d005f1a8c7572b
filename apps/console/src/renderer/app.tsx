import { type ReactElement, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { IntlProvider } from 'react-intl';
import { commandOf } from '../common/keys.js';
import { type Locale, localeOf, messagesOf } from '../common/messages/index.js';
import type { FramePlayer } from './canvas/frame-player.js';
import type { LineStore } from './feed/line-store.js';
import { LineStoreContext, useLine } from './feed/use-line.js';
import { useFormat } from './format.js';
import { PlayerContext } from './run/player-context.js';
import { RunScreen } from './run/run-screen.js';
import { Banner } from './shell/banner.js';
import { BottomBar } from './shell/bottom-bar.js';
import { HelpDialog } from './shell/help-dialog.js';
import { Rail, SCREENS } from './shell/rail.js';
import { TopBar } from './shell/top-bar.js';
import { remember, remembered, useTheme } from './theme.js';

const LOCALE_KEY = 'plumbline.locale';

/** Locale of numbers and dates: English with day before month, as the drawings have it. */
const FORMATS: Record<Locale, string> = { en: 'en-GB', de: 'de', 'en-XA': 'en-GB' };

function initialLocale(): Locale {
  const asked = new URLSearchParams(location.search).get('lang') ?? remembered(LOCALE_KEY);
  return localeOf(asked) ?? localeOf(navigator.language) ?? 'en';
}

export function App({ store, player }: { store: LineStore; player: FramePlayer }): ReactElement {
  const [locale, setLocale] = useState(initialLocale);
  const messages = useMemo(() => messagesOf(locale), [locale]);
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  const choose = (next: Locale) => {
    remember(LOCALE_KEY, next);
    setLocale(next);
  };
  return (
    <IntlProvider locale={FORMATS[locale]} messages={messages}>
      <LineStoreContext.Provider value={store}>
        <PlayerContext.Provider value={player}>
          <Shell store={store} player={player} locale={locale} onLocale={choose} />
        </PlayerContext.Provider>
      </LineStoreContext.Provider>
    </IntlProvider>
  );
}

const TOAST_MS = 6_000;

function Shell(props: {
  store: LineStore;
  player: FramePlayer;
  locale: Locale;
  onLocale: (locale: Locale) => void;
}): ReactElement {
  const { store, player } = props;
  const { text } = useFormat();
  const [theme, setTheme] = useTheme(useCallback(() => player.restyle(), [player]));
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [toast, setToast] = useState<string | null>(null);
  const lineId = useLine((s) => s.status?.lineId ?? '');
  const phase = useLine((s) => s.view.phase);
  const toastTimer = useRef(0);
  const showAbsent = useCallback(
    (screen: string) => {
      clearTimeout(toastTimer.current);
      setToast(text('rail.absent', { screen }));
      toastTimer.current = window.setTimeout(() => setToast(null), TOAST_MS);
    },
    [text],
  );
  useEffect(() => {
    document.title = text('app.title', { line: lineId });
  }, [text, lineId]);

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : document.body;
      const command = commandOf({
        key: event.key,
        ctrlKey: event.ctrlKey,
        altKey: event.altKey,
        metaKey: event.metaKey,
        repeat: event.repeat,
        inField: target.closest('input, select, textarea, dialog') !== null,
        onControl: target.closest('button, a') !== null,
      });
      if (!command) return;
      event.preventDefault();
      switch (command.kind) {
        case 'help':
          return setHelpOpen(true);
        case 'screen': {
          const screen = SCREENS[command.index];
          return screen && !screen.isPresent ? showAbsent(text(screen.name)) : undefined;
        }
        case 'freeze':
          return store.toggleFreeze();
        case 'film':
          return store.stepNg(command.step);
        case 'nextNg':
          return store.stepNg(1);
        case 'boxes':
          return store.toggleBoxes();
        case 'zoom':
          return store.stepZoom(command.step);
      }
    };
    // A button touched with the finger does not take the focus, so that Space stays "freeze" and is not that button.
    const onMouseDown = (event: MouseEvent) => {
      if (event.target instanceof Element && event.target.closest('button')) event.preventDefault();
    };
    addEventListener('keydown', onKeyDown);
    addEventListener('mousedown', onMouseDown);
    return () => {
      removeEventListener('keydown', onKeyDown);
      removeEventListener('mousedown', onMouseDown);
    };
  }, [store, showAbsent, text]);

  return (
    <div className="shell" data-phase={phase}>
      <TopBar locale={props.locale} onLocale={props.onLocale} onHelp={() => setHelpOpen(true)} />
      <Banner />
      <Rail onAbsent={showAbsent} />
      <main className="main">
        <RunScreen />
      </main>
      <BottomBar />
      <HelpDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} theme={theme} onTheme={setTheme} />
      <div className="toasts" role="status">
        {toast && <div className="toast">{toast}</div>}
      </div>
    </div>
  );
}
