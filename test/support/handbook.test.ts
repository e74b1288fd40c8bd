import * as assert from 'uvu/assert';
import { pageOf, printsOf, sourceOf, wordsOf } from './handbook.ts';
import { suite } from './suite.ts';

const test = suite('reading the handbook');

const page = pageOf(
  'docs/a.md',
  [
    '```ts',
    "import { connect } from '@baton/sdk';",
    'console.log(1); // 1',
    '```',
    '```ts',
    "import { connect as other } from 'x';",
    'console.log(2); // 2',
    '```',
    '```ts no-run',
    'console.log(3); // 3',
    '```',
    '```ts',
    "import { createTestBaton } from '@baton/testkit';",
    '```',
    '```sh',
    'npm start',
    'npx baton list --limit 5 # newest first',
    '```',
    '```sh no-run',
    'npx baton worker',
    '```',
    '```py from:../b/c.py',
    'x = 1',
    '```',
  ].join('\n'),
);

test('a block with an import of a client begins a program, the others go on with it', () => {
  assert.equal(
    page.programs.map(({ name, blocks }) => [name, blocks.length]),
    [
      ['a-1', 3],
      ['a-12', 1],
    ],
  );
});

test('what is not run is compiled, and prints nothing', () => {
  const [first] = page.programs;
  assert.ok(first !== undefined);
  assert.equal(printsOf(first), ['1', '2']);
  assert.not.match(sourceOf(first, false), /console.log\(3\)/);
  assert.match(sourceOf(first, true), /console.log\(3\)/);
});

test('commands are the lines of baton in blocks that are run, with their place', () => {
  assert.equal(page.commands, [{ line: 17, text: 'npx baton list --limit 5 # newest first' }]);
  assert.equal(wordsOf(`npx baton submit x '["a b"]' --why "the \u2019 disk" # why`), [
    ...['npx', 'baton', 'submit', 'x', '["a b"]', '--why', 'the \u2019 disk'],
  ]);
});

test('a block in Python says where it is from', () => {
  assert.equal(page.quotes, [{ line: 22, code: 'x = 1\n', from: 'b/c.py' }]);
  assert.throws(() => pageOf('docs/a.md', '```py\nx = 1\n```'), /where it is from/);
  assert.throws(() => pageOf('docs/a.md', '```ts\nconst x = 1;\n```'), /begins with an import/);
});

test.run();
