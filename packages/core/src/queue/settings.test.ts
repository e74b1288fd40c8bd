import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ROOT } from '../testing/make.ts';
import { settingsOf, type Wish } from '../testing/queue.ts';
import { isLimited, limitsOf, overruledBy, type AppliedLimit } from './defined.ts';
import {
  CHANGES_KEPT,
  decideSettings,
  SETTINGS_ENTRIES,
  type QueueSettings,
  type SettingsCommand,
} from './settings.ts';

const test = suite('settings of a queue');

test('only admins set something; what is so already is no change, and the last changes are kept', () => {
  const command: SettingsCommand = { kind: 'pause', at: 1, actor: ROOT, queue: 'q', part: {}, why: 'move' };
  const refused = decideSettings(undefined, { ...command, actor: { user: 'bob', admin: false } });
  assert.equal(refused, { ok: false, refusal: { reason: 'admin_required' } });
  let settings = settingsOf({ kind: 'pause', part: {}, why: 'move' });
  assert.equal(settings?.pauses, [{ by: 'user:root', at: 1, why: 'move' }]);
  assert.equal(decideSettings(settings, command), { ok: true, events: [], answer: { kind: 'done' } });
  settings = settingsOf(
    { kind: 'limit', limit: { of: 'group', concurrency: 2 } },
    { kind: 'limit', limit: { of: 'group', name: 'a', rate: { units: 5, windowMs: 1_000 } } },
    { kind: 'limit', limit: { of: 'group' } },
  );
  assert.equal(
    settings?.limits.map(({ of, name }) => ({ of, name })),
    [{ of: 'group', name: 'a' }],
  );
  assert.is(settings?.changes.length, 3);
});

test('what is taken back where nothing is set at all is said not to be there, and nothing is made of it', () => {
  const base = { at: 1, actor: ROOT, queue: 'q' };
  const nothing = { ok: false, refusal: { reason: 'nothing_set' } };
  for (const command of [
    { ...base, kind: 'resume', part: {} },
    { ...base, kind: 'resume', part: { group: 'a' } },
    { ...base, kind: 'limit', limit: { of: 'group' } },
    { ...base, kind: 'weigh', group: 'a', weight: 1 },
    { ...base, kind: 'define', type: 'mail', limits: [], worker: 'w' },
  ] as const satisfies readonly SettingsCommand[]) {
    assert.equal(decideSettings(undefined, command), nothing, command.kind);
    const some = settingsOf({ kind: 'pause', part: { type: 'other' } });
    assert.equal(decideSettings(some, command), { ok: true, events: [], answer: { kind: 'done' } }, command.kind);
  }
});

test('what is known of a limit and of a change is why, too; of what is undefined nothing is kept', () => {
  const given = { of: 'queue', name: undefined, concurrency: 2, rate: undefined } as unknown as {
    readonly of: 'queue';
  };
  const settings = settingsOf({ kind: 'limit', limit: given, why: 'slow' });
  const by = 'user:root';
  assert.equal(settings?.limits, [{ of: 'queue', concurrency: 2, by, at: 1, why: 'slow' }]);
  assert.equal(Object.keys(settings?.limits[0] ?? {}), ['of', 'concurrency', 'by', 'at', 'why']);
  assert.equal(settings?.changes, [{ at: 1, by, what: 'limit queue: 2 at once', why: 'slow' }]);
});

test('no more entries of a kind than may be, and no more changes than are remembered', () => {
  let settings = settingsOf(
    ...Array.from({ length: SETTINGS_ENTRIES }, (_, i) => ({ kind: 'weigh', group: `g${i}`, weight: 2 }) as const),
  );
  assert.equal([settings?.weights.length, settings?.changes.length], [SETTINGS_ENTRIES, CHANGES_KEPT]);
  const command: SettingsCommand = { kind: 'weigh', at: 1, actor: ROOT, queue: 'q', group: 'more', weight: 2 };
  assert.equal(decideSettings(settings, command), { ok: false, refusal: { reason: 'settings_full' } });
  settings = settingsOf({ kind: 'weigh', group: 'a', weight: 2 }, { kind: 'weigh', group: 'a', weight: 1 });
  assert.equal(settings?.weights, []);
});

const define = (concurrency?: number, worker = 'w1'): Extract<Wish, { kind: 'define' }> => ({
  ...{ kind: 'define', type: 'mail', worker },
  limits: concurrency === undefined ? [] : [{ of: 'type', concurrency }],
});

const shown = (settings: ReturnType<typeof settingsOf>) =>
  limitsOf(settings).map(({ name, concurrency, from, by }) => [name, concurrency, from, by]);

test('Q5: what a definition says is a limit, is told of once, and gives way to what is set for the same', () => {
  const defined = settingsOf(define(3));
  assert.equal(shown(defined), [['mail', 3, 'definition', 'worker:w1']]);
  assert.ok(isLimited(defined));
  assert.is(defined?.changes[0]?.what, 'definition of mail: limit type mail: 3 at once');
  const again = decideSettings(defined, { ...define(3, 'w2'), at: 2, actor: ROOT, queue: 'q' });
  assert.equal(again.ok && again.events, [], 'another worker that says the same changes nothing');
  const set = { kind: 'limit', limit: { of: 'type', name: 'mail', concurrency: 5 } } as const;
  const both = settingsOf(define(3), set);
  assert.equal(shown(both), [['mail', 5, undefined, 'user:root']]);
  assert.is(overruledBy(both as QueueSettings, limitsOf(both)[0] as AppliedLimit)?.concurrency, 3);
  assert.equal(shown(settingsOf(set, define(3))), [['mail', 5, undefined, 'user:root']], 'in whatever order');
  const none = { kind: 'limit', limit: { of: 'type', name: 'mail' } } as const;
  assert.equal(shown(settingsOf(define(3), set, none)), [['mail', 3, 'definition', 'worker:w1']]);
  assert.equal(shown(settingsOf(define(3), define(2, 'w2'))), [['mail', 2, 'definition', 'worker:w2']]);
});

test('Q5: a definition without limits takes its own away, and an admin what is left where its type is no more', () => {
  for (const gone of [define(), { kind: 'limit', limit: { of: 'type', name: 'mail' } } as const]) {
    const settings = settingsOf(define(3), gone);
    assert.equal([shown(settings), 'defined' in (settings ?? {}), settings?.changes.length], [[], false, 2]);
  }
  const other = settingsOf({ kind: 'limit', limit: { of: 'type', concurrency: 9 } }, define(3));
  assert.equal(
    limitsOf(other).map(({ name = 'each', concurrency }) => [name, concurrency]),
    [
      ['each', 9],
      ['mail', 3],
    ],
    'a limit of each type stands beside it: it is for those that have none of their own',
  );
});

test.run();
