/** What a key does on the Run screen. No key changes a recipe, shelves or resets. */
export type Command =
  | { kind: 'help' }
  | { kind: 'screen'; index: number }
  | { kind: 'freeze' }
  | { kind: 'film'; step: 1 | -1 }
  | { kind: 'nextNg' }
  | { kind: 'boxes' }
  | { kind: 'zoom'; step: 1 | -1 | 0 };

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
  /** True when the focus is in a field that takes text or a choice. */
  inField: boolean;
  /** True when the focus is on a button or link, where Space presses it. */
  onControl: boolean;
}

/** Maps a key press to its command; null leaves it to the browser. Shortcuts are off inside fields. */
export function commandOf(press: KeyPress): Command | null {
  if (press.inField || press.ctrlKey || press.altKey || press.metaKey) return null;
  if (/^F[1-8]$/.test(press.key)) {
    const n = Number(press.key.slice(1));
    return n === 1 ? { kind: 'help' } : { kind: 'screen', index: n - 2 };
  }
  switch (press.key) {
    case ' ':
      return press.onControl || press.repeat ? null : { kind: 'freeze' };
    case 'ArrowLeft':
      return { kind: 'film', step: -1 };
    case 'ArrowRight':
      return { kind: 'film', step: 1 };
    case 'n':
    case 'N':
      return { kind: 'nextNg' };
    case 'b':
    case 'B':
      return press.repeat ? null : { kind: 'boxes' };
    case '+':
    case '=':
      return { kind: 'zoom', step: 1 };
    case '-':
      return { kind: 'zoom', step: -1 };
    case '0':
      return { kind: 'zoom', step: 0 };
    default:
      return null;
  }
}
