import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { addressIn } from './debian-packages.ts';

const test = suite('local: Debian address');

test('the archive among other sources, as apt lists them', () => {
  const listed =
    'https://packages.example.org/apt/\nhttp://deb.debian.org/debian-security/\nhttp://mirror.example.org/debian/\n';
  assert.is(addressIn(listed), 'http://mirror.example.org/debian/');
});

test('from the files an update would fetch, when there are no lists yet', () => {
  const uris = [
    "'http://deb.debian.org/debian-security/dists/bookworm-security/InRelease' deb.debian.org_x_InRelease 0 ",
    "'http://deb.debian.org/debian/dists/bookworm/InRelease' deb.debian.org_debian_dists_bookworm_InRelease 0 ",
  ];
  assert.is(addressIn(uris.join('\n')), 'http://deb.debian.org/debian/');
});

test('none on another distribution', () => {
  assert.is(addressIn('http://archive.ubuntu.com/ubuntu/\n'), undefined);
  assert.is(addressIn(''), undefined);
});

test.run();
