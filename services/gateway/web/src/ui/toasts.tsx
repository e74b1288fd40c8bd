import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { createStore, type Store, useStore } from './store.ts';

type Toast = { readonly id: number; readonly kind: 'good' | 'bad'; readonly text: string };

export type Toasts = {
  readonly store: Store<readonly Toast[]>;
  readonly good: (text: string) => void;
  /** Stays until it is dismissed: nobody should miss a fault by looking away. */
  readonly bad: (text: string) => void;
  readonly dismiss: (id: number) => void;
};

const GOOD_MS = 6_000;
const AT_ONCE = 4;

export const createToasts = (): Toasts => {
  const store = createStore<readonly Toast[]>([]);
  let lastId = 0;
  const dismiss = (id: number): void => store.update((all) => all.filter((toast) => toast.id !== id));
  const add = (kind: Toast['kind'], text: string): number => {
    const id = ++lastId;
    store.update((all) => [...all, { id, kind, text }].slice(-AT_ONCE));
    return id;
  };
  return {
    store,
    good: (text) => {
      const id = add('good', text);
      setTimeout(() => dismiss(id), GOOD_MS);
    },
    bad: (text) => void add('bad', text),
    dismiss,
  };
};

export const ToastList = ({ toasts }: { readonly toasts: Toasts }) => {
  const all = useStore(toasts.store, (value) => value);
  const layer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const shown = layer.current;
    if (shown === null) return;
    // Anew for each, so that it lies above a dialog that was opened meanwhile.
    if (shown.matches(':popover-open')) shown.hidePopover();
    if (all.length > 0) shown.showPopover();
  }, [all]);
  return (
    <div ref={layer} popover="manual" class="toasts" role="region" aria-label="Notifications">
      <ul>
        {all.map(({ id, kind, text }) => (
          <li key={id} class={`toast ${kind}`}>
            <Icon name={kind === 'good' ? 'check' : 'alert'} />
            <p>{text}</p>
            <button
              type="button"
              class="button quiet small icon"
              aria-label="Dismiss"
              onClick={() => toasts.dismiss(id)}
            >
              <Icon name="cross" />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
};
