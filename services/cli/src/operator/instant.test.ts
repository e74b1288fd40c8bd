import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { instantOf } from './instant.ts';

const test = suite('times on the command line');

test('a time has a day of the calendar and a zone', () => {
  for (const [text, iso] of [
    ['2030-01-31T18:00:00Z', '2030-01-31T18:00:00.000Z'],
    ['2028-02-29T18:00:00.5+02:00', '2028-02-29T16:00:00.500Z'],
  ] as const)
    assert.is(instantOf('--run-at', text).toISOString(), iso);
});

test('what might be meant otherwise is refused, and the option is named', () => {
  for (const text of [
    ...[
      '5',
      '12',
      '10s',
      '',
      '1 feb 2030',
      '2030-01-31',
      '2030-01-31T18:00:00',
      '2030-01-31T18:00Z',
      '2027-02-30T00:00:00Z',
    ],
    ...[
      '2027-02-29T00:00:00Z',
      '2030-13-01T00:00:00Z',
      '2030-01-31T25:00:00Z',
      '2030-01-31T18:00:00+0200',
      '2030-01-31T18:00:00Z.',
    ],
  ])
    assert.throws(
      () => instantOf('--from', text),
      (error: unknown) =>
        error instanceof Error &&
        error.message === `--from is a time with a zone, such as 2030-01-31T18:00:00Z; got ${text}`,
      text,
    );
});

test.run();
