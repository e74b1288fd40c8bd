import { systemClock } from '@baton/runtime';
import type { NatsPortsSettings } from '@baton/nats';
import { openNatsSystem } from '../support/nats-ports.ts';
import type { WithBench } from './bench.ts';

/** Shorter than in operation, so that a test need not wait half a minute. */
const RUN_ACK_WAIT_MS = 3_000;

/** The NATS adapter on the test server, each process behind a link of its own. */
export const natsBench =
  (settings: Partial<NatsPortsSettings> = {}): WithBench =>
  async (body) => {
    const faults: string[] = [];
    const system = await openNatsSystem({
      runQueue: { ackWaitMs: RUN_ACK_WAIT_MS },
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
        putUnreadable: async (bytes) => {
          await system.nc.request(system.names.eventSubject('00', 'job'), bytes);
        },
        runAckWaitMs: RUN_ACK_WAIT_MS,
      });
    } catch (failure) {
      if (failure instanceof Error && faults.length > 0)
        failure.message += `\nfaults told meanwhile:\n${faults.join('\n')}`;
      throw failure;
    } finally {
      await system.close();
    }
  };
