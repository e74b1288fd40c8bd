import { access, constants } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { NodeConnectionOptions } from '@nats-io/transport-node';
import { TlsFailedError } from '../errors.ts';

/**
 * Files in PEM. They are read anew for every connection, so that a certificate may be replaced while we run. Whoever says any of
 * them is connected by TLS or not at all.
 */
export type TlsFiles = {
  /** Of the authorities that sign the servers' certificates; those that Node knows when not said. */
  readonly caFile?: string;
  /** Our own, for servers that ask for one; with its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
};

/** The client itself takes `tls://` for `nats://`, and sends its password to whoever says that there is no TLS. */
const SECURE = /^(tls|wss):\/\//i;

/** What the client is told. Undefined: TLS where the server wants it. Rejects with TlsFailedError for a file that cannot be read. */
export const tlsOf = async (
  files: TlsFiles | undefined,
  servers: readonly string[],
): Promise<NodeConnectionOptions['tls'] | undefined> => {
  const said = Object.values(files ?? {}).filter((path) => path !== undefined);
  if (said.length === 0 && !servers.some((server) => SECURE.test(server))) return undefined;
  for (const path of said) {
    await access(path, constants.R_OK).catch((cause: unknown) => {
      const which = '(NATS_CA, NATS_CERT or NATS_KEY; tls in the SDK)';
      throw new TlsFailedError(`${path}, which TLS to NATS needs, cannot be read ${which}`, { cause });
    });
  }
  return { ...files, checkServerIdentity: identityCheck(servers) } as NodeConnectionOptions['tls'];
};

/** Of a server that is named by its address the client does not say which it is, and Node takes it for `localhost`. */
export const identityCheck = (servers: readonly string[]): typeof checkServerIdentity => {
  const hosts = servers.map(hostOf).filter((host) => isIP(host) !== 0 || host === 'localhost');
  return (name: string, certificate: PeerCertificate) => {
    if (name !== 'localhost' || hosts.length === 0) return checkServerIdentity(name, certificate);
    const faults = hosts.map((host) => checkServerIdentity(host, certificate));
    return faults.includes(undefined) ? undefined : faults[0];
  };
};

const hostOf = (server: string): string => {
  const [, host = ''] = /^(?:[a-z]+:\/\/)?(\[[^\]]+\]|[^:/]*)/i.exec(server) ?? [];
  return host.replace(/^\[|\]$/g, '');
};

type Fault = { readonly code?: unknown; readonly message?: unknown; readonly cause?: unknown };

const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ISSUER|SIGNATURE_FAILURE|CERT_UNTRUSTED/,
    'its certificate is of no authority that is known here; NATS_CA (tls.caFile in the SDK) names the file with the right one',
  ],
  [/ALTNAME/, 'its certificate is for other names than those in NATS_URL (an address there needs tls:// before it)'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'its certificate is not valid at this time'],
  [/does not support 'tls'/, 'it has no TLS, and tls:// or one of NATS_CA, NATS_CERT and NATS_KEY asks for it'],
];

/** What is wrong with the certificates, if it is that; it will not get better by itself. */
export const tlsFault = (fault: unknown, servers: unknown): TlsFailedError | undefined => {
  for (let at = fault; at !== null && typeof at === 'object'; at = (at as Fault).cause) {
    const { code, message } = at as Fault;
    const text = `${String(code)} ${String(message)}`;
    const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1];
    const isTls = reason !== undefined || /^ERR_(SSL|TLS|OSSL)_/.test(String(code));
    if (!isTls) continue;
    const what = reason ?? `TLS failed: ${String(message)}`;
    return new TlsFailedError(`no TLS with nats-server at ${String(servers)}: ${what}`, { cause: fault });
  }
  return undefined;
};
