import { useEffect, useRef, useState } from 'preact/hooks';

/** One value that changes, and who wants to know. */
export type Store<T> = {
  readonly get: () => T;
  readonly set: (next: T) => void;
  readonly update: (change: (current: T) => T) => void;
  readonly subscribe: (listener: () => void) => () => void;
};

export const createStore = <T>(initial: T): Store<T> => {
  let value = initial;
  const listeners = new Set<() => void>();
  const set = (next: T): void => {
    if (Object.is(next, value)) return;
    value = next;
    for (const listener of listeners) listener();
  };
  return {
    get: () => value,
    set,
    update: (change) => set(change(value)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};

/** A part of a store. The component is drawn again only when that part is another one. */
export const useStore = <T, Part>(store: Store<T>, select: (value: T) => Part): Part => {
  const [, redraw] = useState(0);
  const part = select(store.get());
  const shown = useRef({ store, select, part });
  shown.current = { store, select, part };
  useEffect(() => {
    const check = (): void => {
      const { select: latest, part: before } = shown.current;
      if (!Object.is(latest(store.get()), before)) redraw((count) => count + 1);
    };
    check(); // it may have changed between the drawing and here
    return store.subscribe(check);
  }, [store]);
  return part;
};
