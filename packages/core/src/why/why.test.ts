import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { LimitInTheWay, QueueView } from '../queue/standing.ts';
import type { TaskRecord } from '../task.ts';
import { isForQueue } from './own-reasons.ts';
import { whyOf, type WhyFacts } from './why.ts';
import { timeText } from './words.ts';

const test = suite('why a task waits');

const NOW = Date.UTC(2030, 0, 31, 12);

const record = (over: Partial<TaskRecord> = {}): TaskRecord => ({
  ...{ v: 1, id: 'id-1', type: 'send_mail', key: 'k', name: 'Mail', scope: 'private', queue: 'mail' },
  ...{ priority: 'normal', mode: 'async', policy: {}, status: 'pending', subscribers: [], attempt: 0 },
  ...{ createdAt: NOW - 60_000, changedAt: NOW - 60_000, history: [] },
  ...over,
});

const view = (over: Partial<QueueView> = {}): QueueView => ({
  ...{ state: 'waiting', ahead: 0, waiting: 1, inTheWay: [] },
  workers: { queue: 2, type: 2, free: 0, refused: 0 },
  ...over,
});

const why = (over: Partial<TaskRecord>, queue?: QueueView | 'nobody' | 'silent', more: Partial<WhyFacts> = {}) => {
  const own = record(over);
  const answer = typeof queue === 'object' ? ({ kind: 'answered', view: queue } as const) : undefined;
  return whyOf({
    ...{ actor: own, record: own, now: NOW },
    queue: typeof queue === 'string' ? { kind: queue } : answer,
    ...more,
  });
};

const kindsOf = (...args: Parameters<typeof why>): readonly string[] => why(...args).reasons.map(({ kind }) => kind);

test('Q9: what does not wait says so, and has no reasons', () => {
  for (const [status, words] of [
    ['in_progress', 'It runs.'],
    ['aborting', 'It runs, and was told to stop.'],
    ['success', 'It has ended.'],
  ] as const) {
    const { waits, reasons, text, position } = why({ status }, view());
    assert.equal([waits, reasons, text, position], [false, [], [words], undefined]);
  }
});

test('Q9 G7: what has begun and lost its worker says what keeps it from going on', () => {
  const orphan = view({ state: 'running', isOrphan: true, servedIn: ['other'] });
  const nobody = { queue: 2, type: 0, free: 0, refused: 0 };
  const gone = 'Its worker is gone. Before it goes on, what it had begun elsewhere is cancelled';
  for (const status of ['in_progress', 'aborting'] as const) {
    const { waits, reasons, text } = why({ status }, { ...orphan, workers: nobody });
    assert.equal([waits, reasons.map(({ kind }) => kind)], [false, ['uncancelled', 'no_worker']]);
    assert.match(text[0] ?? '', gone);
    assert.match(text[1] ?? '', 'none of them takes type send_mail. Workers take that type from queue other.');
    assert.equal(kindsOf({ status }, orphan), ['uncancelled']);
    assert.equal(kindsOf({ status, cancelling: true }), ['cancelling']);
  }
  assert.equal(kindsOf({ status: 'in_progress' }, 'silent'), []);
});

test('Q9: a start that is put off says until when and why; its queue is not to be asked', () => {
  const runAt = NOW + 90_000;
  for (const [over, because] of [
    [{}, 'delay'],
    [{ attempt: 1 }, 'retry'],
    [{ latestRunAt: NOW + 500_000 }, 'debounce'],
  ] as const) {
    const one = record({ runAt, ...over });
    assert.not(isForQueue(one, one, NOW));
    assert.equal(why({ runAt, ...over }).reasons, [{ kind: 'starts_at', at: runAt, because }]);
  }
  assert.match(why({ runAt }).text.join(' '), /^It starts at 2030-01-31 12:01:30 UTC: not before that time/);
  const due = record({ runAt: NOW });
  assert.ok(isForQueue(due, due, NOW));
});

test('G1 Q9: one that waits for others names those that have not ended, and its queue is not to be asked', () => {
  const edge = (id: string) => ({ id, address: `00.t.${id}`, name: id });
  const ended = { ...edge('a'), end: { status: 'success', at: NOW } } as const;
  const waits = record({ dependsOn: [ended, edge('b'), edge('c')] });
  assert.not(isForQueue(waits, waits, NOW));
  const { reasons, text } = why({ dependsOn: [ended, edge('b'), edge('c')] });
  assert.equal(reasons, [{ kind: 'depends_on', tasks: ['b', 'c'] }]);
  assert.equal(text, ['It waits for 2 tasks to end: b and c.']);
  assert.equal(why({ dependsOn: [edge('b')] }).text, ['It waits for the task b to end.']);
  const free = record({ dependsOn: [ended] });
  assert.ok(isForQueue(free, free, NOW));
});

test('Q9, G4 one that has begun and waits for a signal says which, and until when; its queue is not to be asked', () => {
  const over = { attempt: 1, runAt: NOW + 90_000, waiting: { signal: 'approved', since: NOW - 5 } };
  const one = record(over);
  assert.not(isForQueue(one, one, NOW));
  assert.equal(why(over).reasons, [{ kind: 'signal', signal: 'approved', until: NOW + 90_000 }]);
  assert.is(why(over).text[0], 'It waits for signal approved, until 2030-01-31 12:01:30 UTC.');
});

test('Q9: one that waits behind another of its key names that; one that is called inline waits for its caller', () => {
  const actor = record({ id: 'id-0', status: 'aborting' });
  const successor = record();
  assert.not(isForQueue(actor, successor, NOW));
  const { reasons, text } = whyOf({ actor, record: successor, now: NOW });
  assert.equal(reasons, [{ kind: 'behind', task: 'id-0' }]);
  assert.match(text[0] ?? '', /id-0, which has not ended/);
  assert.equal(kindsOf({ host: 'w1' }), ['inline']);
  // The one before it has ended, and nobody has made its record the one that stands there.
  const ended = record({ id: 'id-0', status: 'success' });
  assert.equal(whyOf({ actor: ended, record: successor, now: NOW }).reasons, [{ kind: 'unheard' }]);
  const later = record({ runAt: NOW + 1 });
  assert.equal(
    whyOf({ actor: ended, record: later, now: NOW }).reasons.map(({ kind }) => kind),
    ['starts_at'],
  );
});

test('Q9: its place, what is busy, and an expected start by what was measured', () => {
  const measured = { starts: 30, ms: 60_000 };
  const found = why({}, view({ ahead: 14, waiting: 20, throughput: measured }));
  assert.equal(found.reasons, [{ kind: 'workers_busy', workers: 2 }]);
  assert.equal([found.position, found.ahead, found.queueWaits], [15, 14, 20]);
  assert.equal([found.expectedStart, found.measured, found.since], [NOW + 30_000, measured, NOW - 60_000]);
  assert.equal(found.text, [
    'All 2 workers that take type send_mail from queue mail are busy.',
    '14 tasks start before it in queue mail, priority normal; 19 tasks wait beside it.',
    'Expected to start in about 30s: 30 tasks of the queue started in the last 1m.',
  ]);
  assert.is(why({}, view()).text[1], 'It is next in queue mail, priority normal; nothing else waits.');
  assert.is(why({}, view()).expectedStart, undefined, 'nothing was measured');
  assert.equal(kindsOf({}, view({ workers: { queue: 1, type: 1, free: 1, refused: 0 } })), ['starting']);
});

test('Q7 Q9: one that made room for another says so, and a limit says what is done where nobody waits for it', () => {
  const abort = { cause: 'displaced', by: 'supervisor:s', at: NOW } as const;
  assert.equal(why({ status: 'aborted', abort }).text, [
    'It has ended.',
    'It made room for another task: its group or key had all that may run at once.',
  ]);
  const limit: LimitInTheWay = {
    ...{ kind: 'limit', of: 'group', name: 'acme', type: 'send_mail', by: 'worker:w', at: 1, from: 'definition' },
    ...{ concurrency: { most: 1, running: 1 }, whenFull: 'cancel_running', holders: ['a1'] },
  };
  assert.is(
    why({}, view({ inTheWay: [limit] })).text[0],
    'Group acme of type send_mail of queue mail is at its limit of 1 at once, then cancel the oldest (as its type is defined); held by 1 task.',
  );
});

test('Q9: a pause says who, since when and why; no time is made up for its end', () => {
  const pause = { kind: 'paused', of: 'group', name: 'acme', by: 'user:root', at: NOW - 1_000, why: 'unpaid' } as const;
  const found = why({ group: 'acme' }, view({ inTheWay: [pause], throughput: { starts: 9, ms: 9_000 } }));
  assert.equal(found.reasons, [pause]);
  assert.is(found.text[0], 'Group acme of queue mail is paused by root since 2030-01-31 11:59:59 UTC: unpaid.');
  assert.is(found.expectedStart, undefined);
});

test('Q9: a limit says how much, who set it, who holds it as far as one may see, and when a rate opens', () => {
  const set = { by: 'user:root', at: 1, why: 'licence' };
  const concurrency = { most: 2, running: 3 };
  const limit = { kind: 'limit', of: 'queue', ...set, concurrency, holders: ['a1', 'a2'] } as const;
  const holders = new Map([['a2', { id: 'id-9', type: 'send_mail', key: 'k9', name: 'Other' }]]);
  const throughput = { starts: 10, ms: 10_000 };
  const found = why({}, view({ inTheWay: [limit], throughput }), { holders });
  const { holders: _addresses, ...rest } = limit;
  assert.equal(found.reasons, [{ ...rest, holders: [...holders.values()], hidden: 2 }]);
  assert.is(
    found.text[0],
    'Queue mail is at its limit of 2 at once (set by root: licence); held by Other (send_mail) id-9, 2 more.',
  );
  assert.is(found.expectedStart, NOW + 1_000, 'those before it end one after the other');
  const rate = { units: 10, windowMs: 60_000, used: 10 };
  const rated = { kind: 'limit', of: 'type', name: 'send_mail', by: 'user:root', at: 1, rate, holders: [] } as const;
  const opening = why({}, view({ inTheWay: [{ ...rated, rate: { ...rate, opensInMs: 12_000 } }], throughput }));
  assert.match(
    opening.text[0] ?? '',
    /^Type send_mail of queue mail is at its limit of 10 in 60 s.*; it opens in 12s\.$/,
  );
  assert.is(opening.expectedStart, undefined);
  assert.match(why({}, view({ inTheWay: [rated] })).text[0] ?? '', /it opens as those on their way/);
});

test('Q9: no worker: of the queue, or of the type, and where there are some', () => {
  const none = { queue: 0, type: 0, free: 0, refused: 0 };
  const noQueue = why({}, view({ workers: none, servedIn: ['mail', 'other'] }));
  assert.equal(noQueue.reasons, [
    { kind: 'no_worker', queue: 'mail', type: 'send_mail', queueWorkers: 0, servedIn: ['other'] },
  ]);
  assert.is(noQueue.text[0], 'No worker serves queue mail. Workers take that type from queue other.');
  const noType = why({}, view({ workers: { ...none, queue: 3 } }));
  assert.is(noType.text[0], '3 workers serve queue mail, and none of them takes type send_mail.');
  assert.equal(kindsOf({}, view({ workers: { queue: 2, type: 2, free: 1, refused: 2 } })), ['refused']);
});

test('Q9: what nobody can tell is unknown, and what the host does not know yet is said', () => {
  for (const because of ['nobody', 'silent'] as const) {
    const found = why({}, because);
    assert.equal(found.reasons, [{ kind: 'unknown', because }]);
    assert.match(found.text[0] ?? '', /^Unknown: nobody answers for queue mail/);
    assert.is(found.position, undefined);
  }
  assert.equal(kindsOf({}, view({ state: 'unheard' })), ['unheard']);
  assert.equal(kindsOf({}, view({ state: 'offered' })), ['starting']);
  assert.equal(kindsOf({}, view({ state: 'unsettled' })), ['unsettled']);
  for (const halt of ['taken_over', 'settings_unknown', 'settings_unreadable'] as const)
    assert.equal(kindsOf({}, view({ halt, workers: { queue: 1, type: 1, free: 1, refused: 0 } })), [halt]);
});

test('times are told as the calendar has them', () => {
  const isAs = (at: number): void =>
    assert.is(timeText(at), `${new Date(at).toISOString().replace('T', ' ').slice(0, 19)} UTC`);
  for (const day of ['1970-01-01', '1999-12-31', '2000-02-29', '2024-02-29', '2100-02-28', '2100-03-01', '2399-12-31'])
    isAs(Date.parse(`${day}T23:59:59.999Z`));
  fc.assert(fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), isAs));
});

test.run();
