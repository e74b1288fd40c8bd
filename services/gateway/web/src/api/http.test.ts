import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { errorOf } from './http.ts';

const test = suite('page: what the server refuses');

const wordsOf = async (body: object): Promise<string> => {
  const { message } = await errorOf(new Response(JSON.stringify(body), { status: 400 }));
  return message;
};

test('faults stand behind the words, unless these say the same', async () => {
  const code = 'INVALID_ARGUMENT';
  const several = [
    { field: 'queue', message: 'is text' },
    { field: 'units', message: 'is a number' },
  ];
  assert.is(
    await wordsOf({ code, message: 'the request has faults', faults: several }),
    'the request has faults; queue is text; units is a number',
  );
  const args = 'args[1]: must be integer (the arguments of t)';
  const fault = { field: 'args.1', message: 'must be integer (the arguments of t)' };
  assert.is(await wordsOf({ code, message: args, faults: [fault] }), args);
  assert.is(await wordsOf({ code, message: 'no', faults: [{ field: '', message: 'no' }] }), 'no');
});

test.run();
