import { decide, evolve, type Actor, type TaskRecord, type TaskSpec } from '@baton/core';
import { addressOf, decodeRecord, encodeRecord, type Address } from '@baton/protocols';

/** Addresses, specs and records for tests that need some and do not care which. */
export const sampleAddress = (key: string, type = 'job'): Address => addressOf({ scope: 'shared', type, key });

export const sampleSpec = (over: Partial<TaskSpec> & Pick<TaskSpec, 'id'>): TaskSpec => ({
  type: 'job',
  key: over.id,
  name: over.key ?? over.id,
  scope: 'shared',
  queue: 'default',
  priority: 'normal',
  mode: 'async',
  policy: {},
  ...over,
});

const ALICE: Actor = { user: 'alice', admin: false };

/** A new pending record of that key. `note` is a text that can be told from others. */
export const sampleRecord = (key: string, note = '', at = 1_700_000_000_000): TaskRecord => {
  const spec = sampleSpec({ id: sampleId(key), key, name: note });
  const decision = decide(undefined, { kind: 'submit', at, actor: ALICE, spec, whenAborting: 'queue' });
  const [event] = decision.ok ? decision.events : [];
  if (event === undefined) throw new Error('a first submit was refused');
  return evolve(undefined, event);
};

export const sampleBytes = (key: string, note = ''): Uint8Array => encodeRecord(sampleRecord(key, note));

/** The text a sample record was made with. */
export const noteIn = (bytes: Uint8Array): string => decodeRecord(bytes).name;

/** The same id for the same text. */
export const sampleId = (text: string): string => {
  const hash = sampleAddress(text).slice(-32);
  return `01900000-${hash.slice(0, 4)}-7${hash.slice(4, 7)}-8${hash.slice(7, 10)}-${hash.slice(10, 22)}`;
};
