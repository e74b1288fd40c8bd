import type { NatsPorts } from '@baton/nats';

/** Sets the limit of a stream as an operator would. */
export const setMaxBytes = async ({ wire }: NatsPorts, stream: string, bytes: number): Promise<void> => {
  const { config } = await wire.api.call<{ readonly config: object }>(`STREAM.INFO.${stream}`);
  await wire.api.call(`STREAM.UPDATE.${stream}`, { ...config, max_bytes: bytes });
};
