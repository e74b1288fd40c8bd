import type { TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { OperationInDoubtError, refuseDoubt } from './operate.ts';

const test = suite('operations that are repeated');

const AT = 1_700_000_000_000;

/** As an id that is made then. */
const idOf = (at: number): string => {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
};

const held = (more: Partial<TaskRecord>) => ({
  revision: 1,
  record: { id: idOf(AT - 5_000), status: 'success', ...more } as TaskRecord,
});

test('D7 what the first call came to and has ended since is not made again; what had ended before is', () => {
  const id = idOf(AT);
  refuseDoubt(undefined, id);
  const chosen = { isNext: false };
  refuseDoubt(held({ endedAt: AT - 1 }), id, chosen);
  refuseDoubt(held({ status: 'in_progress', startedAt: AT + 1 }), id, chosen);
  // A command that comes again is carried out.
  refuseDoubt(held({ endedAt: AT }), id);
  assert.throws(
    () => refuseDoubt(held({ endedAt: AT }), id, chosen),
    (error: unknown) => error instanceof OperationInDoubtError,
  );
  const later = held({ id: idOf(AT + 1), endedAt: AT + 2 });
  assert.throws(
    () => refuseDoubt(later, id),
    (error: unknown) => error instanceof OperationInDoubtError,
  );
  refuseDoubt(held({ id, endedAt: AT + 2 }), id);
});

test('D7, Q10 what it may have replaced and has begun since gets no second one behind it', () => {
  const id = idOf(AT);
  const begun = { status: 'in_progress', startedAt: AT } as const;
  refuseDoubt(held({ status: 'in_progress', startedAt: AT - 1 }), id, { isNext: true });
  refuseDoubt(held({ status: 'pending' }), id, { isNext: true });
  assert.throws(
    () => refuseDoubt(held(begun), id, { isNext: true }),
    (error: unknown) => error instanceof OperationInDoubtError,
  );
});

test.run();
