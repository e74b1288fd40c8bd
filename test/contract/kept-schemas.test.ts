// What is kept beside tasks, schedules and what is set for queues: its schemas and the code refuse the same.
import { readFileSync } from 'node:fs';
import type { QueueSettings, ScheduleRecord } from '@baton/core';
import { encode, readQueueSettings, readSchedule } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { mutationsOf, real } from '../support/contract/mutations.ts';
import { openFits, picture, schemaFile, strictFits } from '../support/contract/schemas.ts';
import { suite } from '../support/suite.ts';

const test = suite('schemas of what is kept');

const AT = 1_700_000_000_000;
const by = 'user:alice';

/** With every field that one may have. */
const schedule: Required<ScheduleRecord> = {
  ...{
    v: 1,
    name: 'nightly',
    id: 'i',
    owner: { user: 'alice', admin: true },
    createdAt: AT,
    changedAt: AT,
    anchor: AT,
  },
  ...{ cursor: AT, started: 2, skipped: 1, removed: true, nonce: 'n', paused: { at: AT, by, why: 'w' } },
  spec: {
    ...{ crons: ['0 3 * * *'], everyMs: 60_000, timezone: 'UTC', skipDates: ['2030-12-24'], overlap: 'skip' },
    ...{ catchUp: 'last', catchUpMs: 0, jitterMs: 5 },
    task: {
      ...{ type: 't', args: new Uint8Array([0x91, 1]), name: 'n', scope: 'shared', queue: 'q', priority: 'low' },
      ...{ policy: { timeoutMs: 1, maxAttempts: 2 }, expiresMs: 9 },
    },
  },
  waiting: [{ id: '1', kind: 'backfill', at: AT, decidedAt: AT, by, overlap: 'allow' }],
  history: [
    { kind: 'started', at: AT, fire: '1', due: AT, by, task: 'id', address: 'a' },
    { kind: 'skipped', at: AT, due: AT, by, why: 'calendar', count: 3 },
    { kind: 'paused', at: AT, by, why: 'w' },
  ],
};

const settings: Required<QueueSettings> = {
  ...{ v: 1, queue: 'q', nonce: 'n', weights: [{ group: 'g', weight: 2, by, at: AT }] },
  pauses: [
    { by, at: AT, why: 'w', type: 't' },
    { by, at: AT, group: 'g' },
  ],
  limits: [
    { of: 'queue', concurrency: 3, by, at: AT },
    { of: 'type', name: 't', rate: { units: 5, windowMs: 1_000 }, by, at: AT },
    { of: 'group', type: 't', concurrency: 1, whenFull: 'cancel_running', by, at: AT },
  ],
  defined: [{ type: 't', limits: [{ of: 'type', concurrency: 2, rate: { units: 5, windowMs: 1_000 } }], by, at: AT }],
  changes: [{ at: AT, by, what: 'pause queue', why: 'w' }],
};

const KEPT = {
  schedule: { whole: schedule, read: (bytes: Uint8Array) => readSchedule(bytes).kind },
  'queue-settings': { whole: settings, read: (bytes: Uint8Array) => readQueueSettings(bytes, 'q').kind },
};

for (const [name, { whole, read }] of Object.entries(KEPT)) {
  test(`${name}: an example with every field is taken by both, and one that is not known is carried along`, () => {
    const { properties } = JSON.parse(readFileSync(schemaFile(name), 'utf8')) as { readonly properties: object };
    assert.equal(Object.keys(whole).toSorted(), Object.keys(properties).toSorted(), 'it has to have every field');
    const [open, strict] = [openFits(), strictFits()];
    const pictured = picture(whole) as object;
    assert.is(strict(name, pictured).fault, undefined);
    assert.is(open(name, { ...pictured, unheardOf: 1 }).fault, undefined);
    assert.ok(strict(name, { ...pictured, unheardOf: 1 }).fault !== undefined);
    assert.ok(['schedule', 'settings'].includes(read(encode({ ...whole, unheardOf: 1 }))));
  });

  test(`${name}: the schema and the code refuse the same`, () => {
    const open = openFits();
    let refused = 0;
    let taken = 0;
    for (const { what, value } of mutationsOf(picture(whole))) {
      const kind = read(encode(real(value)));
      // Of another version, and not looked into. The place of settings is no part of them.
      if (kind === 'newer' || what.startsWith('queue replaced')) continue;
      const byCode = kind !== 'corrupt';
      const { fault } = open(name, picture(value));
      assert.is(fault === undefined, byCode, `${what}: the code ${byCode ? 'takes' : 'refuses'} it; ${fault}`);
      if (byCode) taken++;
      else refused++;
    }
    assert.ok(refused > 300 && taken > 50, `${refused} refused, ${taken} taken`);
  });
}

test.run();
