import { call, type Server } from './http.ts';

/** Who looks at the page, and what the server is set to. */
export type Session = {
  readonly user: string;
  readonly admin: boolean;
  /** In development mode a person may be anybody of `users`. */
  readonly users: readonly SessionUser[];
  /** False: `BATON_ENABLED` is off (behaviour X6). */
  readonly enabled: boolean;
};

export type SessionUser = { readonly id: string; readonly admin: boolean };

type WireSession = Omit<Session, 'users'> & { readonly users?: readonly SessionUser[] };

const PATH = '/api/v1/session';

const sessionOf = ({ user, admin, users = [], enabled }: WireSession): Session => ({ user, admin, users, enabled });

export const loadSession = async (server: Server): Promise<Session> => sessionOf(await call<WireSession>(server, PATH));

export const switchUser = async (server: Server, user: string): Promise<Session> =>
  sessionOf(await call<WireSession>(server, PATH, { method: 'POST', body: { user } }));
