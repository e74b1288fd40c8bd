import { createStore, type Store, useStore } from './store.ts';

/** Says things to who listens to the page instead of looking at it. Sparingly: the latest counts, with a pause between. */
export type Announcer = { readonly store: Store<string>; readonly say: (text: string) => void };

const PAUSE_MS = 3_000;

export const createAnnouncer = (): Announcer => {
  const store = createStore('');
  let next: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const speak = (): void => {
    timer = undefined;
    if (next === undefined) return;
    store.set(next);
    next = undefined;
    timer = setTimeout(speak, PAUSE_MS);
  };
  return {
    store,
    say: (text) => {
      next = text;
      if (timer === undefined) speak();
    },
  };
};

export const LiveRegion = ({ announcer }: { readonly announcer: Announcer }) => (
  <p class="hidden-text" role="status" aria-live="polite">
    {useStore(announcer.store, (text) => text)}
  </p>
);
