import type { Scope } from '../task/task.ts';
import { Icon, type IconName } from '../ui/icons.tsx';

const ICONS: Readonly<Record<Scope, IconName>> = { private: 'lock', shared: 'users', system: 'system' };

export const ScopeTag = ({ scope }: { readonly scope: Scope }) => (
  <span class="tag">
    <Icon name={ICONS[scope]} size={12} />
    {scope}
  </span>
);
