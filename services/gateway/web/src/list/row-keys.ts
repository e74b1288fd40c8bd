import type { RefObject } from 'preact';
import { useApp } from '../shell/app-context.ts';
import { useShortcuts } from '../shell/shortcuts.ts';
import { askToCancel } from '../task/actions.tsx';

/** Up and down between the rows, by arrows or by j and k; c cancels the row that has the focus. */
export const useRowKeys = (frame: RefObject<HTMLElement | null>): void => {
  const app = useApp();

  const names = (): HTMLElement[] => [
    ...(frame.current?.querySelectorAll<HTMLElement>('tbody .cell-task .name') ?? []),
  ];
  const focused = (): Element | null => {
    const root = frame.current?.getRootNode();
    return root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  };
  const rowOf = (element: Element | null): HTMLElement | undefined =>
    element?.closest<HTMLElement>('tr[data-uuid]') ?? undefined;

  const move = (step: 1 | -1): void | false => {
    const all = names();
    const row = rowOf(focused());
    const at = row === undefined ? -1 : all.findIndex((name) => row.contains(name));
    const next = at === -1 ? (step === 1 ? 0 : all.length - 1) : at + step;
    const target = all[Math.max(0, Math.min(all.length - 1, next))];
    target?.focus();
    target?.closest('tr')?.scrollIntoView({ block: 'nearest' });
  };

  const cancel = (): void => {
    const uuid = rowOf(focused())?.dataset['uuid'];
    const row = app.list.state.get().rows.find(({ task }) => task.uuid === uuid);
    if (row !== undefined) askToCancel(app, row.task);
  };

  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    // Arrows scroll the page until a row has the focus.
    ArrowDown: () => (rowOf(focused()) === undefined ? false : move(1)),
    ArrowUp: () => (rowOf(focused()) === undefined ? false : move(-1)),
    c: cancel,
  });
};
