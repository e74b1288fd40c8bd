import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { hasTags, isTag, parseTags, tagsOf } from './tags.ts';

const test = suite('tags on the page');

test('B2 a task has one of the values of every name that is asked for', () => {
  const tags = tagsOf({ tenant: 'acme', order: 17, urgent: true });
  assert.equal(tags, ['tenant:acme', 'order:17', 'urgent:true']);
  assert.ok(hasTags(tags, []));
  assert.ok(hasTags(tags, ['tenant:acme', 'order:17']));
  assert.ok(hasTags(tags, ['tenant:other', 'tenant:acme']));
  assert.not.ok(hasTags(tags, ['tenant:acme', 'order:18']));
  assert.not.ok(hasTags(tags, ['tenant:acm']));
  assert.not.ok(hasTags([], ['tenant:acme']));
});

test('B2 what an address says is a tag or is left out', () => {
  for (const good of ['tenant:acme', 'a:b:c', 'url:http://x,y', 'n:1']) assert.ok(isTag(good), good);
  for (const bad of ['', 'tenant', 'tenant:', ':acme', '1a:x', 'a.b:x', `a:${'x'.repeat(400)}`])
    assert.not.ok(isTag(bad), bad);
});

test('B2 the form reads numbers, booleans and text, and says what is wrong', () => {
  assert.equal(parseTags(' tenant=acme, order=17,urgent=true, url=a=b , part=007, x=-0.5'), {
    tenant: 'acme',
    order: 17,
    urgent: true,
    url: 'a=b',
    part: '007',
    x: -0.5,
  });
  assert.equal(parseTags(' '), {});
  const says = (text: string) => {
    const parsed = parseTags(text);
    return typeof parsed === 'string' ? parsed : '';
  };
  assert.match(says('acme'), /no tag/);
  assert.match(says('a.b=1'), /no tag/);
  assert.match(says('a='), /1 to 256/);
  assert.match(says(Array.from({ length: 33 }, (_, i) => `t${i}=1`).join(',')), /At most 32/);
});

test.run();
