import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

const problemShape = z
  .strictObject({
    code: z.string().describe('stable; for programs'),
    message: z.string().describe('what is wrong; may change'),
    hint: z.string().describe('what to do about it'),
    faults: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
    status: z.string().optional().describe('state of the task, where that is why'),
  })
  .describe('Every answer of 400 and above');

/** Says in the OpenAPI document of every route that comes after what its errors look like. */
export const describeProblems = (server: FastifyInstance): void => {
  server.addHook('onRoute', (route) => {
    const schema = route.schema ?? {};
    const response = (schema.response ?? {}) as Readonly<Record<string, unknown>>;
    route.schema = { ...schema, response: { ...response, default: problemShape } };
  });
};
