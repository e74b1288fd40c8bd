import { namesOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { consumerDifferences, sharedConsumers, type ConsumerInfo } from './consumers.ts';

const test = suite('consumers');

const { commands, documents } = sharedConsumers(namesOf('T'));

/** As a server answers for one that was made as wanted. */
const answered = (config: object): ConsumerInfo['config'] => ({
  name: 'x',
  durable_name: 'x',
  replay_policy: 'instant',
  max_deliver: -1,
  max_waiting: 512,
  num_replicas: 0,
  metadata: { '_nats.ver': '2.15.2' },
  ...config,
});

const fields = (wanted: typeof commands, change: object, paused = false): readonly string[] => {
  const config = answered({ ...wanted.config, ...change });
  return consumerDifferences(wanted, { config, created: '', num_pending: 0, num_ack_pending: 0, paused }).map(
    ({ field }) => field,
  );
};

test('what was made as wanted has none, whatever an operator wrote to it', () => {
  assert.equal(fields(commands, { num_replicas: 3, description: 'ours', metadata: { team: 'a' } }), []);
  assert.equal(fields(documents, { filter_subject: '', pause_until: '2020-01-01' }), []);
  assert.equal(fields(commands, { filter_subject: undefined, filter_subjects: [commands.config.filter_subject] }), []);
});

test('everything that keeps messages from a reader is one', () => {
  const changes: readonly (readonly [object, string])[] = [
    [{ filter_subject: 'other' }, 'filter_subjects'],
    [{ filter_subject: undefined }, 'filter_subjects'],
    [{ filter_subject: undefined, filter_subjects: ['a', 'b'] }, 'filter_subjects'],
    [{ ack_policy: 'none' }, 'ack_policy'],
    [{ ack_wait: 1 }, 'ack_wait'],
    [{ max_ack_pending: 1 }, 'max_ack_pending'],
    [{ max_deliver: 1 }, 'max_deliver'],
    [{ deliver_policy: 'new' }, 'deliver_policy'],
    [{ replay_policy: 'original' }, 'replay_policy'],
    [{ deliver_subject: 'there' }, 'deliver_subject'],
    [{ headers_only: true }, 'headers_only'],
    [{ max_batch: 1 }, 'max_batch'],
    [{ max_expires: 1 }, 'max_expires'],
    [{ inactive_threshold: 1 }, 'inactive_threshold'],
    [{ mem_storage: true }, 'mem_storage'],
    [{ priority_groups: ['g'], priority_policy: 'overflow' }, 'priority_groups,priority_policy'],
  ];
  for (const [change, field] of changes) assert.is(fields(commands, change).join(','), field);
  assert.equal(fields(commands, {}, true), ['paused']);
  assert.equal(fields(documents, { priority_policy: 'none' }), ['priority_policy']);
});

test.run();
