import { readinessOf, type MetricsPage, type ReadyCheck } from '@baton/metrics';
import * as z from 'zod';
import type { Server } from './route.ts';

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
  }: { readonly checks: readonly ReadyCheck[]; readonly metrics: MetricsPage; readonly isDev: boolean },
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
      const { isReady, checks: found } = await readinessOf(checks);
      void reply.code(isReady ? 200 : 503);
      return { status: isReady ? ('ok' as const) : ('unavailable' as const), checks: found };
    },
  );

  // Rates of everybody's work: for admins. Where everybody may be the admin, asking for it protects nothing.
  server.get(
    '/metrics',
    { config: { access: isDev ? 'open' : 'admin' }, schema: { summary: 'Prometheus' } },
    async (_request, reply) => {
      void reply.type(metrics.contentType);
      return metrics.text();
    },
  );
};
