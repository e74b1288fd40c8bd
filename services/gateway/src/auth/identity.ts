import type { Actor } from '@baton/core';

/** Who makes a request. */
export type Identity = {
  readonly user: string;
  readonly admin: boolean;
  /** A browser sends it along by itself, so it proves no intent: unsafe methods need more (see `csrf.ts`). */
  readonly isAmbient: boolean;
  /** When the credentials end, milliseconds since 1970. */
  readonly expiresAt?: number;
};

export const actorOf = ({ user, admin }: Identity): Actor => ({ user, admin });

/** What of a request says who makes it. */
export type Credentials = {
  /** Every `Authorization` header there is: two of them are none. */
  readonly authorization: readonly string[];
  readonly cookies: Readonly<Record<string, string | undefined>>;
  readonly devUser: string | undefined;
};

/** Undefined: nobody. Rejects only when it cannot be found out now. */
export type Authenticate = (credentials: Credentials) => Promise<Identity | undefined>;
