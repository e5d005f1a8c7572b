import type { ReactElement } from 'react';
import type { VerdictWord } from '../common/verdict.js';

const PATHS = {
  chevron: <path d="M6 9.5l6 6 6-6" />,
  live: <circle cx="12" cy="12" r="4.5" fill="currentColor" />,
  freeze: <path d="M8.5 5v14M15.5 5v14" />,
  user: (
    <>
      <circle cx="12" cy="8" r="4" />
      <path d="M4.5 20.5c.6-4 3.6-6 7.5-6s6.9 2 7.5 6" />
    </>
  ),
  tick: <path d="M4.5 12.5l5 5 10-11" />,
  lock: (
    <>
      <rect x="5" y="10.5" width="14" height="10" rx="1.5" />
      <path d="M8 10.5V7.5a4 4 0 0 1 8 0v3" />
    </>
  ),
  run: (
    <>
      <path d="M3 8V4.5A1.5 1.5 0 0 1 4.5 3H8M16 3h3.5A1.5 1.5 0 0 1 21 4.5V8M21 16v3.5A1.5 1.5 0 0 1 19.5 21H16M8 21H4.5A1.5 1.5 0 0 1 3 19.5V16" />
      <path d="M10 8.5v7l5.5-3.5z" />
    </>
  ),
  review: (
    <>
      <rect x="3" y="3" width="13" height="13" rx="1.5" />
      <path d="M8 20.5h11A1.5 1.5 0 0 0 20.5 19V8" />
      <path d="M6.5 9.5l2.3 2.3 4-4.3" />
    </>
  ),
  alarms: (
    <>
      <path d="M6 17V10.5a6 6 0 0 1 12 0V17" />
      <path d="M3.5 17h17v3.5h-17z" />
      <path d="M12 2v2.5M3.5 5.5L5 7M20.5 5.5L19 7" />
    </>
  ),
  trends: (
    <>
      <path d="M3 3v18h18" />
      <path d="M6.5 15l4-5 3.5 3 6-7.5" />
    </>
  ),
  recipes: (
    <>
      <path d="M5 3v6M5 13v8M12 3v11M12 18v3M19 3v3M19 10v11" />
      <path d="M2.5 11h5M9.5 16h5M16.5 8h5" />
    </>
  ),
  system: (
    <>
      <rect x="6" y="6" width="12" height="12" rx="1.5" />
      <path d="M10 10h4v4h-4zM9 3v3M15 3v3M9 18v3M15 18v3M3 9h3M3 15h3M18 9h3M18 15h3" />
    </>
  ),
  boxes: (
    <>
      <rect x="3.5" y="3.5" width="10" height="8" />
      <rect x="11" y="14" width="9.5" height="6.5" />
    </>
  ),
  minus: <path d="M5 12h14" />,
  plus: <path d="M12 5v14M5 12h14" />,
  fit: <path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5" />,
  broker: (
    <>
      <circle cx="12" cy="5" r="2.2" />
      <circle cx="5" cy="18" r="2.2" />
      <circle cx="19" cy="18" r="2.2" />
      <path d="M11 7l-5 9M13 7l5 9M7.5 18h9" />
    </>
  ),
  cameraOff: (
    <>
      <path d="M3 7h11v10H3zM14 10.5l6-3v9l-6-3" />
      <path d="M4 20L20 4" />
    </>
  ),
} as const;

export type IconName = keyof typeof PATHS;

/** Line icon, decorative: the word beside it carries the meaning. */
export function Icon({ name, size }: { name: IconName; size?: 's' | 'l' }): ReactElement {
  return (
    <svg className={`i${size ? ` i-${size}` : ''}`} viewBox="0 0 24 24" aria-hidden="true">
      {PATHS[name]}
    </svg>
  );
}

const NO_VERDICT = (
  <>
    <circle cx="50" cy="50" r="43" fill="none" stroke="currentColor" strokeWidth="8" />
    <path d="M30 50h40" stroke="currentColor" strokeWidth="10" />
  </>
);

const SHAPES: Record<VerdictWord, ReactElement> = {
  PASS: (
    <>
      <circle cx="50" cy="50" r="43" fill="none" stroke="currentColor" strokeWidth="11" />
      <path d="M29 51l15 16 28-33" fill="none" stroke="currentColor" strokeWidth="12" strokeLinecap="square" />
    </>
  ),
  NG: (
    <>
      <path d="M30.5 3h39L97 30.5v39L69.5 97h-39L3 69.5v-39z" fill="currentColor" />
      <path d="M31 31l38 38M69 31L31 69" className="cross" strokeWidth="13" strokeLinecap="square" />
    </>
  ),
  ERROR: (
    <>
      <path d="M50 4l46 46-46 46L4 50z" fill="none" stroke="currentColor" strokeWidth="9" strokeLinejoin="round" />
      <path d="M37 41a13 13 0 1 1 19 11c-4.5 2.8-6 5-6 10" fill="none" stroke="currentColor" strokeWidth="9" />
      <circle cx="50" cy="74" r="5.5" fill="currentColor" />
    </>
  ),
  STALE: (
    <>
      <circle cx="50" cy="50" r="43" fill="none" stroke="currentColor" strokeWidth="8" strokeDasharray="14 10" />
      <path d="M50 25v27l17 10" fill="none" stroke="currentColor" strokeWidth="9" />
    </>
  ),
  IDLE: NO_VERDICT,
  WAIT: NO_VERDICT,
};

/** The shape of a verdict word, for those who cannot tell the colours apart. */
export function VerdictShape({ word, className }: { word: VerdictWord; className?: string }): ReactElement {
  return (
    <svg viewBox="0 0 100 100" className={className} data-shape={word} aria-hidden="true">
      {SHAPES[word]}
    </svg>
  );
}

const FLAGS = {
  1: { shape: <path className="sh" d="M4 4h26v26H4z" />, y: 22.5 },
  2: { shape: <path className="sh" d="M17 3.5L31.5 29.5H2.5z" />, y: 26 },
  3: { shape: <path className="sh" d="M2.5 4.5h29L17 30.5z" />, y: 17.5 },
  4: { shape: <circle className="sh" cx="17" cy="17" r="14" />, y: 22.5 },
} as const;

/** Alarm flag: shape, colour and digit say the priority. */
export function Flag({ priority, label }: { priority: 1 | 2 | 3 | 4; label: string }): ReactElement {
  const { shape, y } = FLAGS[priority];
  return (
    <svg className={`flag p${priority} on`} viewBox="0 0 34 34" role="img" aria-label={label}>
      {shape}
      <text x="17" y={y}>
        {priority}
      </text>
    </svg>
  );
}
