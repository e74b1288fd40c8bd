export { durationMs } from '@baton/runtime';
export type { Duration } from '@baton/runtime';
