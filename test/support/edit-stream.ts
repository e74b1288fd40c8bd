import type { NatsPorts } from '@baton/nats';

/** Changes the configuration of a stream as an operator would. */
export const editStream = async ({ wire }: NatsPorts, stream: string, changes: object): Promise<void> => {
  const { config } = await wire.api.call<{ readonly config: object }>(`STREAM.INFO.${stream}`);
  await wire.api.call(`STREAM.UPDATE.${stream}`, { ...config, ...changes });
};
