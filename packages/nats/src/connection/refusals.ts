import { connect } from 'node:net';
import type { NatsConnection } from '@nats-io/nats-core';
import { readServers, type DialSettings } from './dial.ts';

/** A server that answers at all refuses at once. */
const PROBE_MS = 400;
const DEFAULT_PORT = 4_222;

export type Place = { readonly host: string; readonly port: number };

/**
 * Every place where a client of this installation can be connected, as far as it is known for certain; undefined where
 * it is not. It is not behind a proxy or a translated port, whose refusal says nothing of the server behind it, and in a
 * cluster that does not tell its members.
 */
export const placesOf = (nc: NatsConnection, { servers }: DialSettings): readonly Place[] | undefined => {
  const { info } = nc;
  const here = placeOf(nc.getServer());
  if (info === undefined || here === undefined || here.port !== info.port) return undefined;
  const told = info.connect_urls ?? [];
  if (info.cluster !== undefined && told.length === 0) return undefined;
  const places = [...readServers(servers).servers, ...told].map(placeOf);
  return places.every((place) => place !== undefined) ? [here, ...places] : undefined;
};

/** `host:port`, `nats://host:port`, `[::1]:port`. Undefined for another transport. */
const placeOf = (server: string): Place | undefined => {
  const address = /^(?:(?:nats|tls):\/\/)?(.+)$/i.exec(server)?.[1] ?? '';
  const match = /^\[?([^[\]/]*?)\]?(?::(\d+))?$/.exec(address);
  const host = match?.[1] ?? '';
  if (host === '') return undefined;
  return { host, port: match?.[2] === undefined ? DEFAULT_PORT : Number(match[2]) };
};

/** Whether nobody listens at any of them, so that nobody at all is connected. Never rejects. */
export const allRefuse = async (places: readonly Place[]): Promise<boolean> =>
  (await Promise.all(places.map(refuses))).every(Boolean);

const refuses = ({ host, port }: Place): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (refused: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(refused);
    };
    const timer = setTimeout(() => settle(false), PROBE_MS);
    socket.on('connect', () => settle(false));
    socket.on('error', (fault) => settle(isRefusal(fault)));
  });

/** A name may stand for several addresses: all of them. */
const isRefusal = (fault: Error & { readonly code?: string }): boolean =>
  fault instanceof AggregateError && fault.errors.length > 0
    ? fault.errors.every((each) => isRefusal(each as Error))
    : fault.code === 'ECONNREFUSED';
