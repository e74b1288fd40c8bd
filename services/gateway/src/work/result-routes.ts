import { isTerminal, type TaskRecord } from '@baton/core';
import { DATA_LIMIT, encodeSized, objectName, parseAddress, type Address } from '@baton/protocols';
import { nodeNameOf, readBody, storeObject, type DataStore, type Kernel } from '@baton/runtime';
import type { FastifyRequest } from 'fastify';
import * as z from 'zod';
import { tooMany } from '../auth/guard.ts';
import { faultsOf, problem } from '../http/problem.ts';
import type { Server } from '../http/route.ts';

export type ResultRoutesParts = { readonly kernel: Kernel; readonly data: DataStore };

/** JSON takes more room than what it stands for. */
const BODY_LIMIT = 4 * DATA_LIMIT;
/** Results in memory at once: each may be as large as that. */
const AT_ONCE = 4;
const RETRY_SECONDS = 2;
/** Of one address that shows no run of its own, in a minute. */
const FAILURES_PER_MINUTE = 100;

const whole = z.coerce.number().pipe(z.int().min(0));
const querystring = z.strictObject({ address: z.string().max(250), epoch: whole, revision: whole });
const headers = z.object({ 'baton-worker': z.string().max(80), 'baton-secret': z.string().max(200) });
const stored = z.strictObject({
  size: z.int().min(0).describe('bytes, encoded'),
  digest: z.string().describe('SHA-256, hex; both go into the finish as result_object'),
});

type Run = { readonly address: Address; readonly record: TaskRecord };

/**
 * Where workers in other languages leave results that are too large for a message (protocols/worker.md). They are nobody's
 * user: who shows the secret of the worker that owns a run under its fence may leave the result of that run, and nothing
 * else. That is looked for before a byte of the body is read.
 */
export const resultRoutes = (server: Server, { kernel, data }: ResultRoutesParts): void => {
  server.removeContentTypeParser('application/json');
  server.addContentTypeParser(
    ['application/json', 'application/msgpack'],
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
    (_request, body, done) => done(null, body),
  );
  const failed = server.createRateLimit({
    max: FAILURES_PER_MINUTE,
    timeWindow: 60_000,
    keyGenerator: (request) => `result ${request.ip}`,
  });
  const runs = new WeakMap<FastifyRequest, Run>();
  let underWay = 0;
  server.put(
    '/result',
    {
      config: { access: 'open' },
      bodyLimit: BODY_LIMIT,
      schema: { summary: 'Leave a result that is too large for a message', querystring, response: { 201: stored } },
      onRequest: async (request, reply) => {
        const run = await runOf(kernel, request);
        if (run === undefined) {
          const tried = await failed(request);
          if (!tried.isAllowed && tried.isExceeded) throw tooMany(tried.ttlInSeconds);
          throw problem('LEASE_LOST', 'that worker does not have the task under that fence');
        }
        // Who has gone while it was looked for has ended its answer already, and would never give its place back.
        if (reply.raw.destroyed) throw problem('BAD_REQUEST', 'the request was cut off');
        if (underWay >= AT_ONCE) throw tooMany(RETRY_SECONDS);
        underWay++;
        runs.set(request, run);
        // Also where the body never comes, or comes too slowly: whatever ends the request ends its answer.
        const over = (): void => {
          if (runs.delete(request)) underWay--;
        };
        reply.raw.once('finish', over).once('close', over);
      },
    },
    async (request, reply) => {
      const run = runs.get(request);
      const { owner, id } = run?.record ?? {};
      if (run === undefined || owner === undefined || id === undefined) throw new Error('a result of no run');
      const bytes = encoded(request);
      const name = objectName(run.address, id, { resultOf: owner.fence });
      const { size, digest } = await storeObject(data, name, bytes);
      void reply.code(201);
      return { size, digest };
    },
  );
};

/** The run whose result it may leave. */
const runOf = async (kernel: Kernel, request: FastifyRequest): Promise<Run | undefined> => {
  const query = querystring.safeParse(request.query);
  const who = headers.safeParse(request.headers);
  if (!query.success) {
    const faults = faultsOf(query.error.issues, '');
    throw problem('INVALID_ARGUMENT', 'address, epoch and revision of a run are needed', { faults });
  }
  if (!who.success) throw problem('UNAUTHENTICATED', 'the headers Baton-Worker and Baton-Secret are needed');
  const address = parseAddress(query.data.address);
  if (address === undefined) throw problem('INVALID_ARGUMENT', 'address: is that of a task that was claimed');
  const record = (await kernel.load(address))?.record;
  if (record?.owner === undefined || isTerminal(record.status)) return undefined;
  const { worker, fence } = record.owner;
  const name = nodeNameOf({ worker: who.data['baton-worker'], secret: who.data['baton-secret'] });
  const isIts = worker === name && fence.epoch === query.data.epoch && fence.revision === query.data.revision;
  return isIts ? { address, record } : undefined;
};

/** The result in the body, `{ "result": … }`, as the object store has it. */
const encoded = ({ body, headers: { 'content-type': contentType } }: FastifyRequest): Uint8Array => {
  const given = body as Uint8Array;
  // In MessagePack it is as large as it will be; JSON is looked at when it has been read.
  if (given.length > DATA_LIMIT && !contentType?.startsWith('application/json')) throw tooLarge(given.length);
  const read = readBody({ bytes: given, ...(contentType === undefined ? {} : { contentType }) });
  if ('fault' in read) throw problem('INVALID_ARGUMENT', read.fault);
  const { result, ...others } = read.body as { readonly result?: unknown };
  if (Object.keys(others).length > 0)
    throw problem('INVALID_ARGUMENT', 'the body is a map with result and nothing else');
  const { bytes } = encodeSized(result);
  if (bytes.length > DATA_LIMIT) throw tooLarge(bytes.length);
  return bytes;
};

const tooLarge = (size: number) =>
  problem('PAYLOAD_TOO_LARGE', `the result is ${size} bytes, at most ${DATA_LIMIT} are allowed`);
