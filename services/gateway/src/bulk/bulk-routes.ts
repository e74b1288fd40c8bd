import type { Actor } from '@baton/core';
import { bulkOrder, bulkShape, rules } from '@baton/runtime';
import { actorIn } from '../auth/guard.ts';
import type { Server } from '../http/route.ts';
import type { TaskActions } from '../tasks/actions.ts';
import { taskJson, type Looking } from '../tasks/task-json.ts';
import { answers } from '../tasks/task-schemas.ts';

const bulkBody = bulkShape
  .extend({
    operation_id: rules.operationId.shape.optional().describe('asked for again with the same one it is the same'),
  })
  .describe('One operation on all tasks that match and that you may do it to');

type Parts = { readonly actions: TaskActions; readonly looking: (actor: Actor) => Looking };

/** Operations on many tasks at once, each a task of its own that can be watched and cancelled (behaviour B1). */
export const bulkRoutes = (server: Server, { actions, looking }: Parts): void => {
  server.post(
    '/bulk',
    {
      config: { access: 'user' },
      schema: {
        summary: 'Cancel, retry, re-prioritise or delete all tasks that match',
        body: bulkBody,
        response: { 200: answers.submit, 201: answers.submit },
      },
    },
    async (request, reply) => {
      const actor = actorIn(request);
      const { operation_id: operationId, ...asked } = request.body;
      const order = bulkOrder(asked, actor);
      const { found, outcome, differs, known } = await actions.bulk(order, operationId, actor);
      void reply.code(outcome === 'created' ? 201 : 200);
      return { task: taskJson(found.document, looking(actor), found.record), outcome, differs, known };
    },
  );
};
