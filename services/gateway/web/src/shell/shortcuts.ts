import { useLayoutEffect, useRef } from 'preact/hooks';
import { createStore } from '../ui/store.ts';
import { remember, remembered } from '../ui/theme.ts';

const KEY = 'baton.shortcuts';

/** Some speak to their computer, and single letters then do what nobody meant: they can be switched off. */
export const shortcutsOn = createStore(remembered(KEY) !== 'off');

export const switchShortcuts = (on: boolean): void => {
  remember(KEY, on ? 'on' : 'off');
  shortcutsOn.set(on);
};

/** What answers `false` was not meant, and the key does what it always does. */
export type Shortcuts = Readonly<Record<string, () => void | false>>;

/** Single keys, wherever the focus is, except while somebody writes or a layer is open. */
export const useShortcuts = (shortcuts: Shortcuts): void => {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  // With the first picture, and not a frame behind it: what is shown answers.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const action = latest.current[event.key];
      if (action === undefined || !isFree(event)) return;
      if (action() !== false) event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
};

const isFree = (event: KeyboardEvent): boolean => {
  if (!shortcutsOn.get() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  // Through shadow roots: the innermost element is what has the focus.
  const [target] = event.composedPath();
  if (!(target instanceof Element)) return true;
  return target.closest('input, textarea, select, [contenteditable], dialog, [popover]') === null;
};
