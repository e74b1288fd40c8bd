import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from './test-body.ts';

export type Certificate = { readonly cert: string; readonly key: string };

export type Authority = {
  /** Path of its own certificate. */
  readonly ca: string;
  /** A certificate for these names and addresses, for servers and clients alike: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly issue: (name: string, ...names: readonly string[]) => Certificate;
};

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 30_000 });
};

/** A certificate authority of a test's own, gone with it. */
export const createAuthority = ({ defer }: Pick<TestContext, 'defer'>): Authority => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-tls-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  openssl(
    ...['req', '-x509', ...KEY, '-days', '2', '-subj', '/CN=Test CA'],
    ...['-keyout', at('ca.key'), '-out', at('ca.crt')],
  );
  return {
    ca: at('ca.crt'),
    issue: (name, ...names) => {
      const [request, extensions] = [at(`${name}.csr`), at(`${name}.ext`)];
      const made = { cert: at(`${name}.crt`), key: at(`${name}.key`) };
      const alternatives = names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`;
      writeFileSync(extensions, `${alternatives}extendedKeyUsage=serverAuth,clientAuth\n`);
      openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', made.key, '-out', request);
      openssl(
        ...['x509', '-req', '-in', request, '-days', '2', '-extfile', extensions, '-out', made.cert],
        ...['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial'],
      );
      return made;
    },
  };
};
