import { getContext, task } from '@baton/sdk';

/** What the shop does for a customer that takes longer than a request. */
export const exportOrders = task(
  { name: 'export_orders', title: 'Orders', timeout: '5m' },
  async (orders: number): Promise<{ readonly orders: number }> => {
    const { signal, updateTask } = getContext();
    for (let order = 1; order <= orders; order++) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 50));
      updateTask({ progress: [order, orders] });
    }
    return { orders };
  },
);
