import { hideSecrets } from './redact.ts';
import type { Settings } from './settings.ts';

/** Texts that must stand in no log line and no answer; passwords inside URLs are hidden by their shape. */
export const secretsOf = (settings: Settings): readonly string[] => [
  ...(settings.nats.password === undefined ? [] : [settings.nats.password]),
  ...(settings.auth.mode === 'secret' ? [settings.auth.secret] : []),
  ...(settings.gateway.cursorSecret === undefined ? [] : [settings.gateway.cursorSecret]),
];

/** The settings as they may be shown. */
export const describeSettings = (settings: Settings): string =>
  hideSecrets(secretsOf(settings))(JSON.stringify(settings));
