import type { KeptDefinition, TypeDefinition } from '@baton/core';
import { digestOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Announcer, publicPart, type AnnouncerParts } from './announcer.ts';

const test = suite('announcing definitions');

const tie = () => ({ close: () => {} });

const mine: TypeDefinition = { type: 'job', scope: 'private', queue: 'default', priority: 'normal', policy: {} };

const keptOf = (definition: TypeDefinition, more: Partial<KeptDefinition> = {}): KeptDefinition => {
  const digest = digestOf(publicPart(definition));
  return { worker: 'other', since: 1, digest, definition, conflicts: [], ...more };
};

/** Time passes with every timer: what is kept is what `keptAt` says for it. */
const open = (keptAt: (ms: number) => KeptDefinition | undefined, definitions = [mine]) => {
  const scene = { ms: 0 };
  const ports = {
    definitions: {
      ...{ announce: () => {}, onAsked: tie },
      load: async () => {
        const kept = keptAt(scene.ms);
        return kept === undefined ? undefined : { kept, revision: 1 };
      },
    },
    link: { onReconnect: tie },
    clock: {
      now: () => 1_000,
      monotonic: () => scene.ms,
      after: (ms: number, run: () => void) => {
        // The round of announcements goes on for ever.
        if (ms < 1_000)
          setImmediate(() => {
            scene.ms += ms;
            run();
          });
        return { cancel: () => {} };
      },
    },
  } as unknown as AnnouncerParts['ports'];
  return { scene, announcer: new Announcer({ ports, worker: 'me', definitions }) };
};

const waited = async (keptAt: (ms: number) => KeptDefinition | undefined): Promise<number> => {
  const { scene, announcer } = open(keptAt);
  await announcer.kept();
  announcer.stop();
  return scene.ms;
};

test('D10 what a worker serves is waited for until it is kept, or stands beside what is kept', async () => {
  const another = { ...mine, policy: { maxAttempts: 7 } };
  const from = (ms: number, then: KeptDefinition) => (now: number) => (now < ms ? undefined : then);
  const within = async (least: number, keptAt: (ms: number) => KeptDefinition | undefined): Promise<void> => {
    const ms = await waited(keptAt);
    assert.ok(ms >= least && ms <= least + 100, `${ms} for ${least}`);
  };
  await within(0, from(0, keptOf(mine)));
  await within(300, from(300, keptOf(mine)));
  // Another one stood there before.
  await within(300, (now) => (now < 300 ? keptOf(another) : keptOf(mine)));
  await within(300, from(300, keptOf(another, { since: 2_000 })));
  await within(300, from(300, keptOf(another, { conflicts: [{ worker: 'me', fields: ['maxAttempts'] }] })));
});

test('D10 where nobody keeps it, or nobody can say, a worker begins all the same', async () => {
  const bound = (ms: number) => assert.ok(ms >= 1_000 && ms <= 2_000, String(ms));
  bound(await waited(() => undefined));
  bound(
    await waited(() => {
      throw new Error('away');
    }),
  );
});

test.run();
