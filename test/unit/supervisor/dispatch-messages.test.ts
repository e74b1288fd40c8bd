import { GROUP_LENGTH, type Address } from '@baton/protocols';
import type { ReadyMessage } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { encodeOffers, encodeReady } from '../../../packages/nats/src/dispatch/messages.ts';
import { partsOf } from '../../../packages/runtime/src/dispatch/offer-parts.ts';
import { ReadyOutbox } from '../../../packages/runtime/src/dispatch/ready-outbox.ts';
import { MESSAGE_BYTES } from '../../../packages/runtime/src/dispatch/timings.ts';
import { suite } from '../../support/suite.ts';

const test = suite('supervisor: how large its messages are');

/** With what stands before the tasks; a quarter of what the server takes. */
const MOST_BYTES = MESSAGE_BYTES + 1_000;

/** Each of its characters is three bytes. */
const LONG = '世'.repeat(GROUP_LENGTH);
const NAME = 'n'.repeat(100);

const addressOf = (n: number): Address => `3f.${NAME}.${'k'.repeat(60)}${n}` as Address;

const told = (tell: (out: ReadyOutbox, n: number) => void): readonly number[] => {
  const sent: ReadyMessage[] = [];
  const dispatch = { tell: (_: string, message: ReadyMessage) => void sent.push(message) };
  const out = new ReadyOutbox('peer', 'me', { dispatch, chance: { nonce: () => 'n' } } as never);
  out.begin();
  for (let n = 0; n < 450; n++) tell(out, n);
  out.tellState({ members: [], partitions: [], limited: [] });
  return sent.map((message) => encodeReady(message).length);
};

test('what supervisors tell each other fits into messages, whatever names tasks have', () => {
  const task = { queue: NAME, type: NAME, group: LONG, limitKey: LONG };
  const big = Number.MAX_SAFE_INTEGER;
  const ready = (n: number) => ({
    ...{ ...task, address: addressOf(n), revision: big, order: big, priority: 'normal', units: 1_000_000 },
    ...{ begun: true, bytes: new Uint8Array(100) },
  });
  const held = (n: number) => ({ ...task, address: addressOf(n), revision: big, units: 1_000_000, since: big });
  const sizes = [
    ...told((out, n) => {
      out.tellReady(ready(n) as never);
      out.tellHeld(held(n));
    }),
    ...told((out, n) => {
      out.tellHeld(held(n));
      for (let i = 0; i < 4; i++) out.tellGone({ queue: NAME, address: addressOf(n), revision: big });
    }),
  ];
  assert.ok(Math.max(...sizes) < MOST_BYTES, String(Math.max(...sizes)));
});

test('offers fit into messages, also where their records do not come along', () => {
  const offers = Array.from({ length: 10_000 }, (_, n) => ({ address: addressOf(n), revision: n }));
  const parts = [...partsOf(offers)];
  assert.equal(parts.flat(), offers);
  const sizes = parts.map(
    (part) => encodeOffers({ queue: NAME, session: 's', from: 0, waiting: 0, offers: part }).length,
  );
  assert.ok(Math.max(...sizes) < MOST_BYTES, String(Math.max(...sizes)));
});

test.run();
