import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';

type DialogProps = {
  readonly title: string;
  readonly wide?: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** The buttons at the bottom; inside the form when there is one. */
  readonly footer: ComponentChildren;
  /** Makes the dialog a form. */
  readonly onSubmit?: () => void;
};

/** A modal dialog of the browser's own: it keeps the focus inside and gives it back where it came from. */
export const Dialog = ({ title, wide = false, onClose, children, footer, onSubmit }: DialogProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const isSubmitted = useRef(false);
  useEffect(() => {
    const shown = dialog.current;
    const cameFrom = focused(shown);
    const home = cameFrom?.closest('tr[data-uuid], .task-view')?.querySelector<HTMLElement>('.name, .back');
    shown?.showModal();
    return () => {
      shown?.close(); // until then all around it is inert and takes no focus
      // What was done may take the button away that asked for it, and the focus with it.
      giveFocus(isSubmitted.current ? (home ?? cameFrom) : cameFrom);
    };
  }, []);

  const content = (
    <>
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" class="button quiet small icon" aria-label="Close" onClick={onClose}>
          <Icon name="cross" />
        </button>
      </header>
      {children}
      <footer>{footer}</footer>
    </>
  );
  return (
    <dialog
      ref={dialog}
      class={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault(); // closed by being drawn no more, like every other close
        onClose();
      }}
      onMouseDown={(event) => {
        // The second of a double click was meant for what was there before the first: the dialog may have shrunk.
        if (event.target === dialog.current && event.detail < 2) onClose();
      }}
    >
      {onSubmit === undefined ? (
        <div>{content}</div>
      ) : (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            isSubmitted.current = true;
            onSubmit();
          }}
        >
          {content}
        </form>
      )}
    </dialog>
  );
};

/** Once more in the next frame: a row that is drawn anew meanwhile may lose it. */
const giveFocus = (target: HTMLElement | undefined): void => {
  target?.focus();
  requestAnimationFrame(() => {
    if (target?.isConnected && focused(target) === undefined) target.focus();
  });
};

/** What has the focus, also inside a shadow root. */
const focused = (near: HTMLElement | null): HTMLElement | undefined => {
  const root = near?.getRootNode();
  const active = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return active instanceof HTMLElement && active !== document.body ? active : undefined;
};
