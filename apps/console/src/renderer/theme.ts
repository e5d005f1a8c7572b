import { useEffect, useState } from 'react';

export const THEMES = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof THEMES)[number];

const KEY = 'plumbline.theme';

function initialChoice(): ThemeChoice {
  const asked = new URLSearchParams(location.search).get('theme') ?? remembered(KEY);
  return THEMES.find((theme) => theme === asked) ?? 'system';
}

/** A value the page kept from an earlier visit; null where storage is not allowed. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage may be switched off on a panel; the choice then lasts until the page closes.
  }
}

/**
 * Sets `data-theme` on the document, following the system unless a theme was chosen.
 * @param onChange called after every switch: the canvases read their colours again
 */
export function useTheme(onChange: () => void): [ThemeChoice, (choice: ThemeChoice) => void] {
  const [choice, setChoice] = useState(initialChoice);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const apply = () => {
      document.documentElement.dataset.theme = choice === 'system' ? (dark.matches ? 'dark' : 'light') : choice;
      onChange();
    };
    apply();
    dark.addEventListener('change', apply);
    return () => dark.removeEventListener('change', apply);
  }, [choice, onChange]);
  return [
    choice,
    (next) => {
      remember(KEY, next);
      setChoice(next);
    },
  ];
}
