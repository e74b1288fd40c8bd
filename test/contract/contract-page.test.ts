// `protocols/contract.md`, held to the schemas and to the code.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { ARCHIVE_TTL_MS, encode, EVENTS_MAX_AGE_MS, type SchemaPart } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { apiCodes } from '../../packages/nats/src/codes.ts';
import { recordByState } from '../support/contract/record-schemas.ts';
import { suite } from '../support/suite.ts';

const test = suite('protocols/contract.md');

const page = readFileSync('protocols/contract.md', 'utf8');

type Rule = {
  readonly if?: { readonly properties: { readonly status: { readonly enum: readonly string[] } } };
  readonly then?: SchemaPart;
};

/** Names that a part requires, or forbids. */
const namesIn = (part: unknown, forbidden: boolean): readonly string[] => {
  const {
    required = [],
    allOf = [],
    not,
  } = part as {
    readonly required?: readonly string[];
    readonly allOf?: readonly unknown[];
    readonly not?: { readonly anyOf: readonly { readonly required: readonly string[] }[] };
  };
  const own = forbidden ? (not?.anyOf ?? []).flatMap((each) => each.required) : required;
  return [...own, ...allOf.flatMap((inner) => namesIn(inner, forbidden))];
};

test('the states have what their schema says', () => {
  const rules = recordByState()['allOf'] as readonly Rule[];
  const states = ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'];
  for (const state of states) {
    const mine = rules.filter((rule) => rule.if?.properties.status.enum.includes(state)).map(({ then }) => then);
    const row = page.split('\n').find((line) => line.startsWith(`| \`${state}\` |`)) ?? '';
    const [, , has = '', hasNot = ''] = row.split('|');
    const named = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).toSorted();
    assert.equal(named(has), [...new Set(mine.flatMap((part) => namesIn(part, false)))].toSorted(), `${state} has`);
    assert.equal(
      named(hasNot),
      [...new Set(mine.flatMap((part) => namesIn(part, true)))].toSorted(),
      `${state} has not`,
    );
  }
});

test('every schema is on the page, and every link leads somewhere', () => {
  for (const name of readdirSync('protocols/schemas')) assert.match(page, `](schemas/${name})`);
  for (const [, target = ''] of page.matchAll(/\]\(([^)#]+)\)/g)) assert.ok(existsSync(`protocols/${target}`), target);
});

test('the figures are those of the code', () => {
  assert.match(page, String(apiCodes.wrongLastSequence));
  assert.match(page, String(apiCodes.wrongLastSequenceInFlight));
  assert.is(ARCHIVE_TTL_MS, 60_000);
  assert.match(page, `the log for ${EVENTS_MAX_AGE_MS / 86_400_000} days`);
  // Times, and integers beyond 32 bits, are written as float64.
  assert.is(encode(1_700_000_000_000)[0], 0xcb);
  assert.is(encode(2 ** 32)[0], 0xcb);
  assert.is(encode(2 ** 32 - 1)[0], 0xce);
});

test.run();
