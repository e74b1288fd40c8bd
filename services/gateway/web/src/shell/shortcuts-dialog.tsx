import { Dialog } from '../ui/dialog.tsx';
import { useStore } from '../ui/store.ts';
import { useApp } from './app-context.ts';
import { shortcutsOn, switchShortcuts } from './shortcuts.ts';

const SHORTCUTS: readonly (readonly [readonly string[], string])[] = [
  [['j', '↓'], 'Next row'],
  [['k', '↑'], 'Previous row'],
  [['Enter'], 'Open the task of the row'],
  [['c'], 'Cancel the task'],
  [['r'], 'Retry the task, in its own view'],
  [['/'], 'Search'],
  [['[', ']'], 'Previous and next page'],
  [['.'], 'Update the list'],
  [['n'], 'Schedule a task'],
  [['t', 'o', 's'], 'Tasks, overview, schedules'],
  [['Esc'], 'Close what is open; back to the list'],
  [['?'], 'This list'],
];

export const ShortcutsDialog = () => {
  const { dialog } = useApp();
  const on = useStore(shortcutsOn, (value) => value);
  const close = (): void => dialog.set(undefined);
  return (
    <Dialog
      title="Keyboard"
      onClose={close}
      footer={
        <button type="button" class="button" onClick={close}>
          Done
        </button>
      }
    >
      <dl class="shortcuts">
        {SHORTCUTS.map(([keys, text]) => (
          <>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
      <label class="check">
        <input type="checkbox" checked={on} onChange={(event) => switchShortcuts(event.currentTarget.checked)} />
        <span>Single keys are on</span>
      </label>
    </Dialog>
  );
};
