import type { UserId } from './task.ts';

/** Who asks. An absent user is a service without one. */
export type Actor = { readonly user?: UserId; readonly admin: boolean };
