import { DURABLE_FLOOR, isAtLeast, type NatsFindings } from '@baton/nats';
import type { Finding } from './finding.ts';

const check = 'durability';
const ADVICE = `upgrade nats-server to ${DURABLE_FLOOR} or newer`;
const EARLY = 'it may answer before a write is on disk, and lose it with the power';

/** Whether a server that is set to have every write on disk before it answers is one that does so. */
export const durabilityOf = ({ version, servers }: Pick<NatsFindings, 'version' | 'servers'>): readonly Finding[] => {
  if (servers.length === 0) return [unseen(version)];
  const early = servers.filter((one) => one.syncsAlways && !isAtLeast(one.version, DURABLE_FLOOR));
  if (early.length > 0) {
    return early.map(({ name, version: old }) => ({
      check,
      level: 'fail',
      found: `nats-server ${old} (${name}) has sync_interval: always, and is older than ${DURABLE_FLOOR}: ${EARLY}`,
      advice: ADVICE,
    }));
  }
  const lazy = servers.filter(({ syncsAlways }) => !syncsAlways);
  if (lazy.length === 0) return [{ check, level: 'ok', found: 'every write is on disk before it is answered' }];
  const names = lazy.map(({ name }) => name).join(', ');
  return [{ check, level: 'ok', found: `${names}: no sync_interval: always, so the latest writes go with the power` }];
};

/** The setting is told in the system account only. */
const unseen = (version: string): Finding => {
  if (isAtLeast(version, DURABLE_FLOOR))
    return {
      check,
      level: 'ok',
      found: 'whether writes are on disk before they are answered cannot be seen from here',
    };
  const found = `nats-server ${version} is older than ${DURABLE_FLOOR}: with sync_interval: always ${EARLY}`;
  return { check, level: 'warn', found, advice: ADVICE };
};
