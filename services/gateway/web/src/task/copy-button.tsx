import { useApp } from '../shell/app-context.ts';
import { Icon } from '../ui/icons.tsx';

export const CopyButton = ({ text, label }: { readonly text: string; readonly label: string }) => {
  const { toasts } = useApp();
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => toasts.good('Copied'),
      () => toasts.bad('The browser does not allow to copy here. Select the text instead.'),
    );
  };
  return (
    <button type="button" class="button quiet small icon" aria-label={label} data-tip={label} onClick={copy}>
      <Icon name="copy" size={14} />
    </button>
  );
};
