import { resolve } from 'node:path';
import { DEFAULT_NAMESPACE } from '@baton/protocols';
import type { Settings } from '@baton/runtime';
import { DATA_FOLDER } from '../local-system.ts';
import type { Servers } from './servers.ts';
import { say, styled } from './terminal.ts';

/** What to type in a second terminal; with variables where the command would not find the system by itself. */
export const sayWhatNext = (dataDir: string, servers: Servers, { namespace }: Settings): void => {
  const variables = [
    `NATS_URL=${servers.natsUrl}`,
    `MONGODB_URL=${servers.mongoUrl}`,
    ...(namespace === DEFAULT_NAMESPACE ? [] : [`BATON_NAMESPACE=${namespace}`]),
  ].join(' ');
  const isFound = servers.isLocal && dataDir === resolve(DATA_FOLDER);
  say(`\nIn a second terminal${isFound ? ', in this folder' : ''}:`);
  if (!servers.isLocal) say(`  ${styled('dim', '# with the same NATS_URL and MONGODB_URL as here')}`);
  else if (!isFound) say(`  export ${variables}`);
  say(`  npx baton submit count_words '["to be", "or not"]' --user alice --wait`);
  say('  npx baton list');
  say('  npx baton doctor');
  if (isFound) say(`For programs of yours: export ${variables}`);
  say('');
};
