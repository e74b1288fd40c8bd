import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { Server } from './route.ts';

/** Asks something the gateway needs; rejects or says why it is not ready. */
export type ReadyCheck = { readonly name: string; readonly check: () => Promise<string | undefined> };

const CHECK_LIMIT_MS = 2_000;

const healthShape = z.strictObject({ status: z.literal('ok') });
const readyShape = z.strictObject({
  status: z.enum(['ok', 'unavailable']),
  checks: z.record(z.string(), z.string()).describe('ok, or why not, for each'),
});

/** For probes and Prometheus. Nothing here tells of tasks, so probes need no credentials. */
export const operationRoutes = (
  server: Server,
  {
    checks,
    metrics,
    isDev,
  }: { readonly checks: readonly ReadyCheck[]; readonly metrics: Registry; readonly isDev: boolean },
): void => {
  const open = { access: 'open', anyHost: true } as const;
  server.get(
    '/healthz',
    { config: open, schema: { summary: 'The process answers', response: { 200: healthShape } } },
    async () => ({ status: 'ok' as const }),
  );

  server.get(
    '/readyz',
    {
      config: open,
      schema: { summary: 'NATS and MongoDB answer too', response: { 200: readyShape, 503: readyShape } },
    },
    async (_request, reply) => {
      const found = await Promise.all(checks.map(async (one) => [one.name, await reasonOf(one)] as const));
      const isReady = found.every(([, reason]) => reason === undefined);
      void reply.code(isReady ? 200 : 503);
      const parts = Object.fromEntries(found.map(([name, reason]) => [name, reason ?? 'ok']));
      return { status: isReady ? ('ok' as const) : ('unavailable' as const), checks: parts };
    },
  );

  // Rates of everybody's work: for admins. Where everybody may be the admin, asking for it protects nothing.
  server.get(
    '/metrics',
    { config: { access: isDev ? 'open' : 'admin' }, schema: { summary: 'Prometheus' } },
    async (_request, reply) => {
      void reply.type(metrics.contentType);
      return metrics.metrics();
    },
  );
};

const reasonOf = async ({ check }: ReadyCheck): Promise<string | undefined> => {
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('no answer in time'), CHECK_LIMIT_MS).unref());
  try {
    return await Promise.race([check(), late]);
  } catch {
    return 'unavailable';
  }
};
