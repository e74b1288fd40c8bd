/** What a person has chosen; `system` follows the operating system. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'baton.theme';
const isTheme = (value: string | null): value is Theme => value === 'system' || value === 'light' || value === 'dark';

/** Storage may be switched off: then a choice lasts as long as the page. */
export const remembered = (key: string): string | null => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};

export const remember = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // see remembered
  }
};

export const chosenTheme = (): Theme => {
  const kept = remembered(KEY);
  return isTheme(kept) ? kept : 'system';
};

export const applyTheme = (theme: Theme): void => {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
};

export const chooseTheme = (theme: Theme): void => {
  remember(KEY, theme);
  applyTheme(theme);
};
