import type { ComponentChildren } from 'preact';

/** Drawn on a grid of 16 with a stroke of 1.5, in the colour of the text around. */
const PATHS = {
  alert: ['M8 2.2 14.4 13.4H1.6Z', 'M8 6.4v3.2', 'M8 11.4v.1'],
  arrowDown: ['M8 3v10', 'M4 9l4 4 4-4'],
  arrowLeft: ['M13 8H3', 'M7 4 3 8l4 4'],
  arrowUp: ['M8 13V3', 'M4 7l4-4 4 4'],
  bug: [
    'M5 6.5h6v4a3 3 0 0 1-6 0Z',
    'M5.8 6.2V5a2.2 2.2 0 0 1 4.4 0v1.2',
    'M5 8.5H2M14 8.5h-3M5 11l-2.2 1.6M11 11l2.2 1.6M5 6.5 3 5M11 6.5 13 5',
  ],
  chart: ['M2.5 13.5h11', 'M4.5 11V8M8 11V3.5M11.5 11V6'],
  check: ['M3.5 8.5l3 3 6-7'],
  chevronDown: ['M4.5 6.5 8 10l3.5-3.5'],
  chevronLeft: ['M10 3.5 5.5 8l4.5 4.5'],
  chevronRight: ['M6 3.5 10.5 8 6 12.5'],
  clock: ['M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z', 'M8 4.8V8l2.2 1.6'],
  copy: ['M5.5 5.5h8v8h-8Z', 'M3.5 10.5h-1v-8h8v1'],
  cross: ['M4 4l8 8M12 4l-8 8'],
  dots: ['M3.5 8h.01M8 8h.01M12.5 8h.01'],
  inbox: ['M2 9.5 4 3h8l2 6.5v3.5H2Z', 'M2 9.5h3.5L6.5 11h3l1-1.5H14'],
  key: ['M10.5 8.5a3 3 0 1 0-3-3c0 .5.1.9.3 1.3L2.5 12v1.5h2.2v-1.6h1.6v-1.6h1.4l.9-.9c.6-.6 1.2-.9 1.9-.9Z'],
  list: ['M5.5 4h8M5.5 8h8M5.5 12h8', 'M2.5 4h.01M2.5 8h.01M2.5 12h.01'],
  lock: ['M3.5 7.5h9v6h-9Z', 'M5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5'],
  moon: ['M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6 5.8 5.8 0 1 0 13.4 9.6Z'],
  offline: [
    'M2 2l12 12',
    'M8 12.5h.01M5.6 10a3.5 3.5 0 0 1 2.6-1M3.3 7.5a7 7 0 0 1 2.2-1.4M8 5.4c1.8 0 3.4.7 4.7 2M10.3 9.5l.3.3',
  ],
  payload: [
    'M6 2.5c-2 0-2.3.8-2.3 2.3S3.6 7.6 2.2 8c1.4.4 1.5 1.7 1.5 3.2S4 13.5 6 13.5',
    'M10 2.5c2 0 2.3.8 2.3 2.3s.1 2.8 1.5 3.2c-1.4.4-1.5 1.7-1.5 3.2s-.3 2.3-2.3 2.3',
  ],
  plus: ['M8 3v10M3 8h10'],
  retry: ['M13 8a5 5 0 1 1-1.6-3.7L13 6', 'M13 2.5V6H9.5'],
  search: ['M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Z', 'M10.4 10.4l3.1 3.1'],
  send: ['M14 2 7.2 8.8', 'M14 2 9.6 14 7.2 8.8 2 6.4Z'],
  stop: ['M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z', 'M6 6h4v4H6Z'],
  sun: [
    'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z',
    'M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  ],
  system: ['M2.5 3.5h11v7.5h-11Z', 'M6 13.5h4M8 11v2.5'],
  trash: ['M2.5 4.5h11', 'M6 4.5v-2h4v2', 'M4 4.5l.6 9h6.8l.6-9', 'M6.7 7.2v3.6M9.3 7.2v3.6'],
  user: ['M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8Z', 'M3 13.5c.5-2.3 2.4-3.5 5-3.5s4.5 1.2 5 3.5'],
  users: [
    'M6 8a2.4 2.4 0 1 0 0-4.8A2.4 2.4 0 0 0 6 8Z',
    'M1.5 13c.5-2 2.2-3.1 4.5-3.1s4 1.1 4.5 3.1',
    'M10.5 3.4a2.3 2.3 0 0 1 0 4.4M12.2 10.3c1.3.5 2.1 1.4 2.4 2.7',
  ],
} as const satisfies Record<string, readonly string[]>;

export type IconName = keyof typeof PATHS;

/** Decoration: what it means is said by the words or the label around it. */
export const Icon = ({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) => (
  <Drawing size={size}>
    {PATHS[name].map((path) => (
      <path key={path} d={path} />
    ))}
  </Drawing>
);

export const Drawing = ({ size, children }: { readonly size: number; readonly children: ComponentChildren }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.5"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    {children}
  </svg>
);

/** A baton between two hands. */
export const Mark = () => (
  <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true" focusable="false" class="mark">
    <rect class="mark-ground" x="1" y="1" width="20" height="20" rx="6" />
    <path class="mark-stick" d="M6.2 15.8 15.8 6.2" />
    <path class="mark-band" d="M9.4 12.6l3.2-3.2" />
  </svg>
);
