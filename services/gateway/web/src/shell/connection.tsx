import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useStore } from '../ui/store.ts';
import { useApp } from './app-context.ts';

/** A break this short is not worth a word. */
const PATIENCE_MS = 1_500;

/** Whether what is shown is live, as a dot with a word. */
export const LiveDot = () => {
  const { list } = useApp();
  const live = useStore(list.state, (state) => state.live);
  const words = { live: 'Live', connecting: 'Connecting', offline: 'Reconnecting', denied: 'Signed out' }[live];
  return (
    <span class={`live ${live === 'live' ? 'live-on' : 'live-off'}`} data-tip={live === 'live' ? LIVE_TIP : undefined}>
      <span class="dot" />
      <span class="wide-only">{words}</span>
    </span>
  );
};

const LIVE_TIP = 'Changes appear as they happen';

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
        You are signed out. Sign in again and reload the page.
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
