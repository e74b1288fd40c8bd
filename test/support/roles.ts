import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { startConfiguredNats } from './configured-nats.ts';
import type { TestContext } from './test-body.ts';

/** The roles of `deploy/nats`. */
export const ROLES = [
  'supervisor',
  'worker',
  'projector',
  'gateway',
  'operator',
  'publisher',
  'observer',
  'remote_worker',
] as const;
export type Role = (typeof ROLES)[number];

/** The roles nobody has to trust, in accounts of their own. */
export const UNTRUSTED = ['publisher', 'observer', 'remote_worker'] as const satisfies readonly Role[];

export type RolesServer = {
  readonly url: string;
  /** What the server refused so far, a line each. */
  readonly violations: () => readonly string[];
  /** How the SDK connects as a role. */
  readonly login: (role: Role) => {
    readonly servers: string;
    readonly natsUser: string;
    readonly natsPassword: string;
    readonly inboxPrefix: string;
  };
  /** How a service does. */
  readonly env: (role: Role) => Readonly<Record<string, string>>;
  /** A connection that only publishes and listens, closed with the test. */
  readonly raw: (role: Role) => Promise<NatsConnection>;
};

/** Services of one role have inboxes of their own, as `deploy/nats` says. */
const inboxOf = (role: Role): string =>
  role === 'publisher' || role === 'remote_worker' ? `_INBOX_${role}.billing` : `_INBOX_${role}`;

/** The server as `deploy/nats` has it, on another port and folder. */
export const startRolesServer = async (context: Pick<TestContext, 'defer'>): Promise<RolesServer> => {
  const passwords = new Map(ROLES.map((role) => [role, randomBytes(12).toString('hex')]));
  const passwordOf = (role: Role): string => passwords.get(role) ?? '';
  const env = Object.fromEntries(ROLES.map((role) => [`BATON_${role.toUpperCase()}_PASSWORD`, passwordOf(role)]));
  const { url, said } = await startConfiguredNats(context, resolve('deploy/nats/nats-server.conf'), env);
  return {
    url,
    violations: () =>
      said()
        .split('\n')
        .filter((line) => /violation/i.test(line)),
    login: (role) => ({ servers: url, natsUser: role, natsPassword: passwordOf(role), inboxPrefix: inboxOf(role) }),
    env: (role) => ({
      NATS_URL: url,
      NATS_USER: role,
      NATS_PASSWORD: passwordOf(role),
      NATS_INBOX_PREFIX: inboxOf(role),
    }),
    raw: async (role) => {
      const nc = await connect({ servers: url, user: role, pass: passwordOf(role), inboxPrefix: inboxOf(role) });
      context.defer(() => nc.close());
      return nc;
    },
  };
};
