import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icons.tsx';

type Props = { readonly icon: IconName; readonly title: string; readonly children?: ComponentChildren };

/** Where there is nothing to show: why, and what can be done. */
export const EmptyState = ({ icon, title, children }: Props) => (
  <div class="empty-state">
    <span class="badge">
      <Icon name={icon} size={22} />
    </span>
    <h2>{title}</h2>
    {children}
  </div>
);
