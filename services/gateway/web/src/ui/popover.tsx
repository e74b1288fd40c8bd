import type { ComponentChildren, TargetedToggleEvent } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { placeBeside } from './layer.ts';

type PopoverProps = {
  /** What opens it. */
  readonly trigger: ComponentChildren;
  readonly triggerClass: string;
  readonly triggerLabel?: string;
  /** Shown by the tooltip. */
  readonly tip?: string;
  /** Of the layer, for who does not see it. */
  readonly label: string;
  readonly role?: 'dialog' | 'menu' | 'listbox';
  readonly class?: string;
  readonly align?: 'start' | 'end';
  /** Drawn only while it is open. `close` also gives the focus back. */
  readonly children: (close: () => void) => ComponentChildren;
};

/** A button and a layer that it opens. Closes by Esc and by a click beside it; the browser keeps it on top. */
export const Popover = (props: PopoverProps) => {
  const { trigger, triggerClass, triggerLabel, tip, label, role = 'dialog', align = 'start', children } = props;
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const close = useCallback(() => layer.current?.hidePopover(), []);

  useEffect(() => {
    const shown = layer.current;
    if (!open || shown === null || button.current === null) return;
    placeBeside(shown, button.current, { align });
    const first = shown.querySelector<HTMLElement>('[autofocus], input, [role="option"], [role="menuitem"], button');
    (first ?? shown).focus({ preventScroll: true });
  }, [open]);

  return (
    <>
      <button
        ref={button}
        type="button"
        class={triggerClass}
        aria-haspopup={role}
        aria-expanded={open}
        aria-label={triggerLabel}
        data-tip={open ? undefined : tip}
        onClick={() => layer.current?.togglePopover()}
      >
        {trigger}
      </button>
      <div
        ref={layer}
        popover="auto"
        class={`popover ${props.class ?? ''}`}
        role={role}
        aria-label={label}
        tabIndex={-1}
        onToggle={(event: TargetedToggleEvent<HTMLDivElement>) => setOpen(event.newState === 'open')}
      >
        {open && children(close)}
      </div>
    </>
  );
};
