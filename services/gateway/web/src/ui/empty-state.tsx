import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icons.tsx';

type Props = {
  readonly icon: IconName;
  readonly title: string;
  /** It is all there is on the page, so its title is the page's. */
  readonly whole?: boolean;
  readonly children?: ComponentChildren;
};

/** Where there is nothing to show: why, and what can be done. */
export const EmptyState = ({ icon, title, whole = false, children }: Props) => (
  <div class="empty-state">
    <span class="badge">
      <Icon name={icon} size={22} />
    </span>
    {whole ? <h1>{title}</h1> : <h2>{title}</h2>}
    {children}
  </div>
);
