import type { BulkOrder } from '../bulk/order.ts';
import type { Task } from '../task/task.ts';
import { call, type Server } from './http.ts';
import { taskOf, type WireTask } from './wire.ts';

/** One operation on all tasks that match: a task of its own. With the same `operationId` it is the same one. */
export const submitBulk = async (server: Server, order: BulkOrder, operationId: string): Promise<Task> => {
  const body = { ...order, operation_id: operationId };
  return taskOf((await call<{ task: WireTask }>(server, '/api/v1/task/bulk', { method: 'POST', body })).task);
};
