import type { JSX } from 'preact';
import { Drawing } from '../ui/icons.tsx';
import { type Status, statusWord } from './task.ts';

/** Each has a shape of its own: colour alone would tell nothing to many. */
const SHAPES: Readonly<Record<Status, () => JSX.Element>> = {
  pending: () => <circle cx="8" cy="8" r="5.6" stroke-dasharray="2.1 2.3" />,
  in_progress: () => (
    <>
      <circle cx="8" cy="8" r="5.6" opacity="0.28" />
      <path d="M8 2.4A5.6 5.6 0 0 1 13.6 8" />
    </>
  ),
  aborting: () => (
    <>
      <circle cx="8" cy="8" r="5.6" stroke-dasharray="2.1 2.3" />
      <rect x="6" y="6" width="4" height="4" rx="0.6" fill="currentColor" stroke="none" />
    </>
  ),
  success: () => (
    <>
      <circle cx="8" cy="8" r="6.3" fill="currentColor" stroke="none" />
      <path class="cut" d="M5.3 8.3l1.9 1.9 3.6-4.1" />
    </>
  ),
  failure: () => (
    <>
      <circle cx="8" cy="8" r="6.3" fill="currentColor" stroke="none" />
      <path class="cut" d="M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2" />
    </>
  ),
  aborted: () => (
    <>
      <circle cx="8" cy="8" r="5.6" />
      <path d="M4.2 11.8l7.6-7.6" />
    </>
  ),
  timed_out: () => (
    <>
      <circle cx="8" cy="8" r="6.3" fill="currentColor" stroke="none" />
      <path class="cut" d="M8 4.7V8l2.3 1.5" />
    </>
  ),
};

export const StatusIcon = ({ status, size = 16 }: { readonly status: Status; readonly size?: number }) => (
  <span class={`status-icon ${status}`}>
    <Drawing size={size}>{SHAPES[status]()}</Drawing>
  </span>
);

export const StatusBadge = ({ status }: { readonly status: Status }) => (
  <span class={`status-badge ${status}`}>
    <StatusIcon status={status} size={14} />
    {statusWord(status)}
  </span>
);
