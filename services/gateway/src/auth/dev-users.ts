import type { Authenticate } from './identity.ts';

/** Who there is in development mode. */
export const DEV_USERS: readonly { readonly id: string; readonly admin: boolean }[] = [
  { id: 'alice', admin: false },
  { id: 'bob', admin: false },
  { id: 'carol', admin: false },
  { id: 'admin', admin: true },
];

export const DEV_COOKIE = 'baton_dev_user';
export const DEV_HEADER = 'x-baton-user';

const [FIRST] = DEV_USERS;

/** Development mode: everybody may be whom he likes of these few. On loopback only. */
export const authenticateDevUser: Authenticate = async ({ devUser, cookies }) => {
  const name = devUser ?? cookies[DEV_COOKIE] ?? FIRST?.id;
  const user = DEV_USERS.find(({ id }) => id === name);
  if (user === undefined) return undefined;
  // Pages of other sites cannot send a header of ours; everything else a browser may send by itself.
  return { user: user.id, admin: user.admin, isAmbient: devUser === undefined };
};
