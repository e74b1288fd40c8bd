import { headers } from '@nats-io/transport-node';
import { systemClock } from '@baton/runtime';
import type { NatsPortsSettings } from '@baton/nats';
import { openNatsSystem } from '../support/nats-ports.ts';
import type { WithBench } from './bench.ts';

/** The NATS adapter on the test server, each process behind a link of its own. */
export const natsBench =
  (settings: Partial<NatsPortsSettings> = {}): WithBench =>
  async (body) => {
    const faults: string[] = [];
    const system = await openNatsSystem({
      ...settings,
      onFault: (where, fault) => faults.push(`${where}: ${String(fault)}`),
    });
    try {
      await body({
        clock: systemClock,
        ports: (process = 'main') => system.ports(process),
        cut: async (process) => (await system.link(process)).cut(),
        mend: async (process) => (await system.link(process)).mend(),
        muteServer: async (process) => (await system.link(process)).mute(),
        askWork: async (what, bytes, timeoutMs) => {
          const sent = headers();
          sent.set('Content-Type', 'application/json');
          try {
            const subject = `${system.names.workPrefix}${what}`;
            return (await system.nc.request(subject, bytes, { timeout: timeoutMs, headers: sent })).data;
          } catch {
            return undefined;
          }
        },
        putUnreadable: async (bytes) => {
          await system.nc.request(system.names.eventSubject('00', 'job'), bytes);
        },
      });
    } catch (failure) {
      if (failure instanceof Error && faults.length > 0)
        failure.message += `\nfaults told meanwhile:\n${faults.join('\n')}`;
      throw failure;
    } finally {
      await system.close();
    }
  };
