import * as assert from 'uvu/assert';
import { blocksIn } from './readme-blocks.ts';
import { suite } from './suite.ts';

const test = suite('blocks of a Markdown text');

const fence = '```';

test('finds TypeScript, and nothing else', () => {
  const text = [
    `${fence}ts`,
    'one();',
    fence,
    `${fence}sh`,
    `echo '${fence}ts'`,
    fence,
    `${fence}typescript`,
    'two();',
    fence,
  ].join('\n');
  assert.equal(
    blocksIn(text).map(({ line, code }) => [line, code]),
    [
      [1, 'one();\n'],
      [7, 'two();\n'],
    ],
  );
});

test('reads the words behind the language', () => {
  assert.equal(blocksIn(`${fence}ts no-run  more\nx\n${fence}`)[0]?.words, ['no-run', 'more']);
  assert.equal(blocksIn(`${fence}ts\nx\n${fence}`)[0]?.words, []);
});

test('a longer fence holds a shorter one, and backticks do not end tildes', () => {
  assert.equal(blocksIn(`${fence}\`ts\na\n${fence}\nb\n${fence}\`\n`)[0]?.code, `a\n${fence}\nb\n`);
  assert.equal(blocksIn(`~~~ts\na\n${fence}\nb\n~~~`)[0]?.code, `a\n${fence}\nb\n`);
});

test('takes away the indent of a list, and no more', () => {
  assert.is(
    blocksIn(`- item\n\n  ${fence}ts\n  if (x) {\n    y();\n\n  }\n  ${fence}\n`)[0]?.code,
    'if (x) {\n  y();\n\n}\n',
  );
});

test('reads Windows line ends', () => {
  assert.is(blocksIn(`${fence}ts\r\na();\r\n${fence}\r\n`)[0]?.code, 'a();\n');
});

test('knows what a block says it prints', () => {
  const code = `console.log(1); // one\nother(); // two\n  console.log(job.status, 'a // b'); // success 6\nconsole.log(3);`;
  assert.equal(blocksIn(`${fence}ts\n${code}\n${fence}`)[0]?.prints, ['one', 'success 6']);
});

test('inline code is no fence, and an open fence is an error', () => {
  assert.equal(blocksIn(`${fence}ts in a line${fence}\ntext`), []);
  assert.throws(() => blocksIn(`text\n${fence}ts\nx`), /line 2 never ends/);
});

test.run();
