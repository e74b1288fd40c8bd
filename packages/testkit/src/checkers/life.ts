import { compareFences, type Fence, type TaskRecord } from '@baton/core';
import {
  attemptsAllowed,
  failuresOf,
  FINAL_FIELDS,
  fixedFor,
  isEnd,
  isLegalStep,
  OWNED_FIELDS,
  rescuesAllowed,
  rescuesOf,
  transitionsOf,
} from './life-rules.ts';
import { checkFamilyStep } from './family.ts';
import { byAddress, canonical, compareRecorded, placeOf, type Recorded } from './recorded.ts';
import { Findings, mergeReports, type Report } from './report.ts';

/**
 * The life of one address: every record it ever had, in the order of storing. Nothing may be left out: rules about what
 * follows what need every step.
 */
export const checkLife = (records: readonly Recorded[]): Report => {
  const found = new Findings();
  const ended = new Set<string>();
  let newestFence: Fence | undefined;
  let former: Recorded | undefined;
  for (const one of records) {
    found.count('records');
    checkAlone(found, one);
    if (former !== undefined) {
      const before = former;
      found.expect(compareRecorded(before, one) < 0, 'order', () => `${placeOf(one)} stands behind ${placeOf(before)}`);
    }
    if (former?.record.id === one.record.id) checkStep(found, former, one);
    else checkBirth(found, former, one, ended);
    newestFence = checkFence(found, former, one, newestFence);
    former = one;
  }
  return found.report();
};

/** `checkLife` for every address in a history. */
export const checkLives = (records: readonly Recorded[]): Report =>
  mergeReports(Array.from(byAddress(records).values(), checkLife));

/** A new task under this address: only where none is, or the last one has ended. */
const checkBirth = (found: Findings, former: Recorded | undefined, one: Recorded, ended: Set<string>): void => {
  const { record } = one;
  found.count('tasks');
  if (former !== undefined) {
    const before = former.record;
    ended.add(before.id);
    found.expect(
      isEnd(before.status),
      'one-at-a-time',
      () => `${placeOf(one)}: ${record.id} began while ${before.id} was ${before.status}`,
    );
    found.expect(
      before.successor === undefined || before.successor.spec.id === record.id,
      'successor-first',
      () => `${placeOf(one)}: ${record.id} began before the successor ${before.successor?.spec.id}`,
    );
  }
  found.expect(!ended.has(record.id), 'no-return', () => `${placeOf(one)}: ${record.id} came back`);
  // What was cancelled while it waited for its turn begins with its end.
  const stillborn = former?.record.successor?.cancelled !== undefined && former.record.successor.spec.id === record.id;
  const [status, transitions] = stillborn ? ['aborted', 2] : ['pending', 1];
  found.expect(
    record.status === status &&
      record.attempt === 0 &&
      record.owner === undefined &&
      transitionsOf(record) === transitions,
    'born-pending',
    () => `${placeOf(one)}: ${record.id} began ${record.status}, attempt ${record.attempt}`,
  );
};

/** What must hold for one record by itself. */
const checkAlone = (found: Findings, one: Recorded): void => {
  const { record } = one;
  const say = (text: string) => () => `${placeOf(one)}: ${text}`;
  const { status, owner, abort } = record;
  found.expect(
    record.history.at(-1)?.status === status,
    'history-tells',
    say(`is ${status}, its history ends ${record.history.at(-1)?.status}`),
  );
  if (status === 'pending')
    found.expect(owner === undefined, 'pending-unowned', say(`waits and is owned by ${owner?.worker}`));
  if (status === 'in_progress' || status === 'aborting')
    found.expect(owner !== undefined, 'run-owned', say(`is ${status} and owned by nobody`));
  found.expect(
    isEnd(status) === (record.endedAt !== undefined),
    'end-dated',
    say(`is ${status}, endedAt ${record.endedAt}`),
  );
  // An admin's force ends as aborted what a timeout could not end.
  if (status === 'aborted')
    found.expect(
      ['cancel', 'expired', 'displaced'].includes(abort?.cause ?? '') || abort?.forced === true,
      'cause-fits',
      say(`is aborted by ${abort?.cause}`),
    );
  if (status === 'timed_out')
    found.expect(abort?.cause === 'timeout', 'cause-fits', say(`is timed out by ${abort?.cause}`));
  if (status === 'aborting')
    found.expect(
      abort !== undefined && !record.finishing,
      'cause-fits',
      say('is aborting without a cause, or though its body had returned'),
    );
  if (record.archived) found.expect(isEnd(status), 'archived-ended', say(`is archived while ${status}`));
  const failures = failuresOf(record);
  const rescues = rescuesOf(record);
  found.expect(
    rescues <= rescuesAllowed(record),
    'bounded',
    say(`${rescues} rescues, ${rescuesAllowed(record)} are allowed`),
  );
  found.expect(
    failures <= attemptsAllowed(record),
    'bounded',
    say(`${failures} failures, ${attemptsAllowed(record)} attempts are allowed`),
  );
};

/** What a task waits for is fixed, ends stand, and nothing begins or fails but by them (behaviour G1, G2). */
const checkDependencies = (
  found: Findings,
  from: TaskRecord,
  to: TaskRecord,
  say: (text: string) => () => string,
): void => {
  const before = from.dependsOn ?? [];
  const after = to.dependsOn ?? [];
  const stand = before.every(
    ({ id, end }, i) => after[i]?.id === id && (end === undefined || after[i].end?.status === end.status),
  );
  found.expect(stand && after.length === before.length, 'dependencies-stand', say('waits for something else'));
  if (from.status !== 'pending') return;
  if (to.status === 'in_progress')
    found.expect(
      before.every(({ end, onFailure }) => end !== undefined && (onFailure !== undefined || end.status === 'success')),
      'dependencies-ended',
      say('began before all it waits for had ended well'),
    );
  if (to.status === 'failure')
    found.expect(
      after.some(({ end, onFailure }) => onFailure === undefined && end !== undefined && end.status !== 'success'),
      'dependencies-ended',
      say('failed before it began, and nothing it waits for has failed'),
    );
};

/** Two records of one task, one directly behind the other. */
const checkStep = (found: Findings, former: Recorded, one: Recorded): void => {
  const from = former.record;
  const to = one.record;
  const say = (text: string) => () => `${placeOf(one)}: ${text}`;
  found.expect(isLegalStep(from.status, to.status), 'legal-step', say(`${from.status} -> ${to.status}`));
  checkDependencies(found, from, to, say);
  checkFamilyStep(found, from, to, say);
  for (const field of fixedFor(from)) found.expect(same(from, to, field), 'spec-stands', say(`'${field}' was changed`));
  if (isEnd(from.status)) {
    for (const field of FINAL_FIELDS)
      found.expect(same(from, to, field), 'terminal-final', say(`'${field}' was changed after the end`));
    found.expect(!from.archived || to.archived === true, 'archived-final', say('the archive mark was taken away'));
  }
  if (from.abort !== undefined) {
    found.expect(
      canonical([from.abort.cause, from.abort.by, from.abort.at]) ===
        canonical([to.abort?.cause, to.abort?.by, to.abort?.at]),
      'first-cause',
      say(`was aborted by ${from.abort.by} (${from.abort.cause}), now by ${to.abort?.by} (${to.abort?.cause})`),
    );
  }
  checkCounts(found, from, to, say);
  checkHistory(found, from, to, say);
  countStep(found, from, to);
};

const checkCounts = (found: Findings, from: TaskRecord, to: TaskRecord, say: (text: string) => () => string): void => {
  const failed = failuresOf(to) - failuresOf(from);
  const rescued = rescuesOf(to) - rescuesOf(from);
  const mayFail = from.status === 'in_progress' && (to.status === 'pending' || to.status === 'failure');
  const mayBeRescued = from.status === 'in_progress' && to.status === 'pending';
  found.expect(
    failed >= 0 &&
      rescued >= 0 &&
      failed + rescued <= 1 &&
      (failed === 0 || mayFail) &&
      (rescued === 0 || mayBeRescued),
    'counts',
    say(`failures +${failed}, rescues +${rescued} on ${from.status} -> ${to.status}`),
  );
  const isClaim = from.status === 'pending' && to.status === 'in_progress';
  const attempt = isClaim ? failuresOf(from) + rescuesOf(from) + 1 : from.attempt;
  found.expect(to.attempt === attempt, 'counts', say(`attempt ${to.attempt}, expected ${attempt}`));
  if (isEnd(to.status) && (from.status === 'in_progress' || from.status === 'aborting')) {
    found.expect(same(from, to, 'owner'), 'single-writer', say('the end was written for another owner'));
  }
};

/** One transition, one entry; the entries before it stand. */
const checkHistory = (found: Findings, from: TaskRecord, to: TaskRecord, say: (text: string) => () => string): void => {
  const moved = from.status === to.status ? 0 : 1;
  const added = transitionsOf(to) - transitionsOf(from);
  found.expect(added === moved, 'history-whole', say(`${added} entries were added, ${moved} expected`));
  const head = Math.min(from.history.length, to.history.length, 5);
  found.expect(
    canonical(from.history.slice(0, head)) === canonical(to.history.slice(0, head)),
    'history-whole',
    say('the head of the history was changed'),
  );
  if ((to.historyDropped ?? 0) === (from.historyDropped ?? 0)) {
    found.expect(
      canonical(to.history.slice(0, from.history.length)) === canonical(from.history),
      'history-whole',
      say('entries of the history were changed'),
    );
  }
};

/** Fences only grow, name the revision a claim was decided on, and what only an owner may change changes under one. */
const checkFence = (
  found: Findings,
  former: Recorded | undefined,
  one: Recorded,
  newest: Fence | undefined,
): Fence | undefined => {
  const fence = one.record.owner?.fence;
  const before = former?.record.id === one.record.id ? former.record : undefined;
  const say = (text: string) => () => `${placeOf(one)}: ${text}`;
  if (before !== undefined && before.owner === undefined) {
    for (const field of OWNED_FIELDS)
      found.expect(same(before, one.record, field), 'single-writer', say(`'${field}' was changed without an owner`));
  }
  if (fence === undefined) return newest;
  const isClaim = before?.status === 'pending' && one.record.status === 'in_progress';
  const grown = newest === undefined ? 1 : compareFences(fence, newest);
  if (isClaim) {
    found.count('claims');
    found.expect(grown > 0, 'fence-grows', say(`claimed under ${fence.revision}, ${newest?.revision} was before`));
    found.expect(
      fence.revision === former?.revision && fence.epoch === one.epoch,
      'fence-names-claim',
      say(`claimed under ${fence.epoch}/${fence.revision}, decided on ${former?.epoch}/${former?.revision}`),
    );
  } else if (one.record.cancelling && grown > 0) {
    // The canceller of a run whose worker died: owned under a fence of its own, as if it had been claimed.
    found.expect(
      before?.cancelHandle !== undefined && before.status === one.record.status && fence.revision === former?.revision,
      'fence-names-claim',
      say(`given to a canceller under ${fence.revision}, decided on ${former?.revision}`),
    );
  } else {
    found.expect(
      grown === 0,
      'single-writer',
      say(`written under fence ${fence.revision}, ${newest?.revision} is the newest`),
    );
  }
  return grown > 0 ? fence : newest;
};

const same = (a: TaskRecord, b: TaskRecord, field: keyof TaskRecord): boolean =>
  a[field] === b[field] || canonical(a[field]) === canonical(b[field]);

const countStep = (found: Findings, from: TaskRecord, to: TaskRecord): void => {
  if (isEnd(to.status) && !isEnd(from.status)) found.count(to.status);
  if (to.archived && !from.archived) found.count('archived');
  if (to.status === 'pending' && failuresOf(to) > failuresOf(from)) found.count('retries');
  else if (rescuesOf(to) > rescuesOf(from)) found.count('rescues');
  else if (from.status === 'in_progress' && to.status === 'pending') found.count('givenBack');
  if (from.status !== 'aborting' && to.status === 'aborting') found.count('abortsAsked');
};
