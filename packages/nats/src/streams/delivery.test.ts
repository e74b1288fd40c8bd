import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { readDelivery } from './delivery.ts';

const test = suite('delivery');

test('both forms of the acknowledgement subject', () => {
  const wanted = { deliveries: 1, streamSequence: 17, consumerSequence: 3, storedAt: 1_795_509_793_772, pending: 42 };
  assert.equal(readDelivery('$JS.ACK.S.C.1.17.3.1795509793772123456.42'), wanted);
  assert.equal(readDelivery('$JS.ACK.hub.ACCHASH.S.C.1.17.3.1795509793772123456.42'), wanted);
  assert.equal(readDelivery('$JS.ACK._.ACCHASH.S.C.1.17.3.1795509793772123456.42.random'), wanted);
});

test('anything else is none', () => {
  for (const reply of [undefined, '', '_INBOX.x.1', '$JS.ACK.S.C.1.17', '$JS.ACK.S.C.1.x.3.1795509793772123456.42']) {
    assert.is(readDelivery(reply), undefined);
  }
});

test.run();
