import { isIP } from 'node:net';

const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** True for an address that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * Names the gateway answers to. A page of somebody else can point a name of his at this machine (DNS rebinding); the
 * name it then calls by is not one of these.
 */
export const allowedHosts = (listenOn: string, more: readonly string[]): ReadonlySet<string> => {
  const own = isIP(listenOn) === 6 ? `[${listenOn}]` : listenOn;
  return new Set([...LOOPBACK_NAMES, own, ...more]);
};

/** The name in a Host header, without the port; undefined when it is none. */
export const nameInHost = (host: string | undefined): string | undefined =>
  /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(:\d{1,5})?$/.exec(host?.toLowerCase() ?? '')?.[1];
