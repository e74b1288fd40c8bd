import type { ComponentChildren } from 'preact';
import { useApp } from './app-context.ts';
import type { Route } from './route.ts';

type Props = {
  readonly to: Route;
  readonly class?: string;
  readonly current?: boolean;
  readonly tip?: string;
  /** Called when the view is changed by it. */
  readonly onGo?: () => void;
  readonly children: ComponentChildren;
};

/** A link that changes the view without a reload; with a modifier key it is a link like any other. */
export const Link = ({ to, class: name, current = false, tip, onGo, children }: Props) => {
  const { router } = useApp();
  const href = router.href(to);
  const go = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onGo?.();
    router.go(to);
  };
  const shared = { class: name, 'data-tip': tip, 'aria-current': current ? ('page' as const) : undefined, onClick: go };
  if (href === undefined) {
    return (
      <button type="button" {...shared} class={`as-link ${name ?? ''}`}>
        {children}
      </button>
    );
  }
  return (
    <a href={href} {...shared}>
      {children}
    </a>
  );
};
