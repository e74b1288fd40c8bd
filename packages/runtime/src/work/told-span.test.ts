import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ToldSpan } from './told-span.ts';

const test = suite('the span a worker tells');

const spanOf = (digit: string, flags = '01'): string =>
  `00-0af7651916cd43dd8448eb211c80319c-${digit.repeat(16)}-${flags}`;

test('F2 is told to the record until it is there, and asked for once, also where that came to nothing', () => {
  const span = new ToldSpan();
  assert.equal([span.in({}), span.news({})], [{}, undefined]);
  span.hear(spanOf('1'));
  assert.is(span.news({}), spanOf('1'));
  // It was refused, or is under way: the next beat does not ask again, and the end tells it.
  assert.is(span.news({}), undefined);
  assert.equal(span.in({}), { trace: spanOf('1') });
  assert.equal(span.in({ runTrace: spanOf('1') }), {});
  span.hear(spanOf('2', '03'));
  assert.is(span.news({ runTrace: spanOf('1') }), spanOf('2', '03'));
});

test('F2 what is none, or not recorded, takes nothing back', () => {
  const span = new ToldSpan();
  span.hear(spanOf('1'));
  for (const said of [undefined, null, 7, '', 'nonsense', spanOf('0'), spanOf('2', '00'), spanOf('2', '02')])
    span.hear(said);
  assert.equal(span.in({}), { trace: spanOf('1') });
});

test.run();
