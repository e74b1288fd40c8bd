import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useStore } from '../ui/store.ts';
import type { LiveState } from '../list/list-state.ts';
import { useApp } from './app-context.ts';

/** A break this short is not worth a word. */
const PATIENCE_MS = 1_500;

const WORDS: Readonly<Record<LiveState, { readonly word: string; readonly tip: string }>> = {
  live: { word: 'Live', tip: 'Changes appear as they happen' },
  connecting: { word: 'Connecting', tip: 'The server has not begun to tell what happens' },
  behind: { word: 'Catching up', tip: 'What you see may be a moment old' },
  offline: { word: 'Reconnecting', tip: 'The connection is lost. What you see may be old' },
  denied: { word: 'Signed out', tip: 'The server tells nothing any more' },
};

/** Whether what is shown is live, as a dot with a word. */
export const LiveDot = () => {
  const { list } = useApp();
  const live = useStore(list.state, (state) => state.live);
  const { word, tip } = WORDS[live];
  return (
    <span class={`live ${live === 'live' ? 'live-on' : 'live-off'}`} data-tip={tip}>
      <span class="dot" />
      <span class="word">{word}</span>
    </span>
  );
};

export const ConnectionBanner = () => {
  const { list } = useApp();
  const live = useStore(list.state, (state) => state.live);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (live !== 'offline') return setShown(false);
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [live]);
  if (live === 'denied') {
    return (
      <div class="banner fault" role="alert">
        <Icon name="lock" />
        You are signed out, or somebody else is signed in now. Sign in and reload the page.
      </div>
    );
  }
  return (
    <div role="status">
      {shown && (
        <div class="banner">
          <span class="spinner" />
          The connection is lost. What you see may be old. Reconnecting…
        </div>
      )}
    </div>
  );
};
