import type { Socket } from 'node:net';
// @ts-expect-error It has no types of its own; what is used of it is below.
import driver from 'mongodb/lib/cmap/connection.js';

type Connection = { readonly socket: Socket; cleanup: (this: Connection, error: unknown) => void };

const patched = new WeakSet<object>();

/**
 * Ends what waits on a connection when it is cut. The driver (mongodb 7.9, and 6) that writes to a connection which was cut
 * a moment ago, before it has heard of that, waits for the buffer to drain: a destroyed socket says that it is full, never
 * drains, and keeps no time limit. When it is the driver's watch of the server that waits so, nothing finds the server
 * again for as long as the process lives; when it is a call, it never ends and keeps its place in the pool. So it can go
 * with every restart of a server that the watch asks anew each time (FerretDB, and all without a `topologyVersion`).
 *
 * A connection that is cleaned up has an error by then, which whoever awakes throws.
 */
export const endWaitsOfCutConnections = (): void => {
  const { prototype } = (driver as { readonly Connection: { readonly prototype: Connection } }).Connection;
  if (patched.has(prototype)) return;
  const { cleanup } = prototype;
  // Another version of the driver: the tests of this say whether it still needs it.
  if (typeof cleanup !== 'function') throw new Error('this version of mongodb cleans its connections up otherwise');
  patched.add(prototype);
  prototype.cleanup = function (error) {
    cleanup.call(this, error);
    this.socket.emit('drain');
  };
};
