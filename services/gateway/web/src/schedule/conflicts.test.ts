import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { conflictText } from './conflicts.ts';

const test = suite('workers that disagree');

test('D10 it is said that they do, and to admins who in what; nothing where they agree', () => {
  assert.is(conflictText({ conflict: false, conflicts: [] }), undefined);
  const said = 'Workers serve this type by different definitions; the one shown here counts';
  assert.is(conflictText({ conflict: true, conflicts: [] }), `${said}.`);
  const conflicts = [
    { worker: 'w1', fields: ['timeout', 'max_attempts'] },
    { worker: 'w2', fields: ['scope'] },
  ];
  assert.is(
    conflictText({ conflict: true, conflicts }),
    `${said}: w1 differs in timeout, max_attempts; w2 differs in scope.`,
  );
});

test.run();
