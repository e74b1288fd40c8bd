import { useEffect, useRef } from 'preact/hooks';
import { placeBeside } from './layer.ts';

const DELAY_MS = 350;

/**
 * One tooltip for all below `root`: it shows the text of `data-tip` of what is pointed at or focused. The text must be
 * there for a screen reader by other means: this is a convenience of those who see.
 */
export const useTooltips = () => {
  const root = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (root.current === null || layer.current === null) return;
    return showTooltips(root.current, layer.current);
  }, []);
  return { root, tooltip: <div ref={layer} popover="manual" class="tooltip" aria-hidden="true" /> };
};

const showTooltips = (root: HTMLElement, layer: HTMLElement): (() => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shownFor: Element | undefined;

  const hide = (): void => {
    clearTimeout(timer);
    shownFor = undefined;
    if (layer.matches(':popover-open')) layer.hidePopover();
  };
  const show = (target: HTMLElement): void => {
    const text = target.dataset['tip'];
    if (text === undefined || !target.isConnected) return;
    layer.textContent = text;
    layer.showPopover();
    placeBeside(layer, target, { align: 'center', side: 'above' });
    shownFor = target;
  };
  const over = (event: Event): void => {
    const found = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-tip]') : null;
    if (found === null) return hide();
    if (found === shownFor) return;
    hide();
    if (event.type === 'focusin' && !found.matches(':focus-visible')) return;
    timer = setTimeout(() => show(found), DELAY_MS);
  };
  const escape = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') hide();
  };

  const listeners: [string, (event: never) => void][] = [
    ['pointerover', over],
    ['pointerleave', hide],
    ['focusin', over],
    ['focusout', hide],
    ['pointerdown', hide],
    ['keydown', escape],
  ];
  for (const [name, listener] of listeners) root.addEventListener(name, listener as EventListener);
  addEventListener('scroll', hide, { capture: true, passive: true });
  return () => {
    hide();
    for (const [name, listener] of listeners) root.removeEventListener(name, listener as EventListener);
    removeEventListener('scroll', hide, { capture: true });
  };
};
