import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import * as z from 'zod';

const problemShape = z
  .strictObject({
    code: z.string().describe('stable; for programs'),
    message: z.string().describe('what is wrong; may change'),
    hint: z.string().describe('what to do about it'),
    faults: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
    status: z.string().optional().describe('state of the task, where that is why'),
  })
  .describe('Every answer of 400 and above');

/** Makes the OpenAPI document of every route that comes after, from what the server itself validates with. */
export const installOpenApi = async (server: FastifyInstance): Promise<void> => {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Baton', version: '1', description: 'Tasks: schedule, look at, follow, cancel' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => {
      const { openapiObject } = document as { readonly openapiObject: OpenApi };
      for (const operations of Object.values(openapiObject.paths ?? {})) {
        for (const { requestBody } of Object.values(operations))
          if (requestBody !== undefined) sayIfOptional(requestBody);
      }
      return openapiObject;
    },
  });
  server.addHook('onRoute', (route) => {
    const schema = route.schema ?? {};
    const response = (schema.response ?? {}) as Readonly<Record<string, unknown>>;
    const open = route.config?.access === 'open' ? { security: [] } : {};
    route.schema = { ...schema, ...open, response: { ...response, default: problemShape } };
  });
};

type Schema = { readonly type?: string; readonly anyOf?: readonly Schema[] };
type Body = { required?: boolean; content?: Record<string, { schema?: Schema }> };
type OpenApi = { readonly paths?: Readonly<Record<string, Readonly<Record<string, { readonly requestBody?: Body }>>>> };

/** A body that may be null may be left out: over HTTP that is the same. The document's maker calls every body required. */
const sayIfOptional = (body: Body): void => {
  for (const content of Object.values(body.content ?? {})) {
    const choices = content.schema?.anyOf ?? [];
    const left = choices.filter(({ type }) => type !== 'null');
    const [only, ...others] = left;
    if (left.length === choices.length || only === undefined || others.length > 0) continue;
    content.schema = only;
    body.required = false;
  }
};
